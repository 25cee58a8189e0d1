/**
 * Options from a file: the same names as on the command line, in camelCase (`batchSize` for `--batch-size`). What is
 * typed on the command line wins. A TypeScript file needs a Node that strips types (22.18 or later); `defineConfig` checks it.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command, Option } from 'commander';
import { eachValue } from './option-values.ts';
import { UsageError } from './usage-error.ts';

/** Options of a command by name. */
export type Config = Readonly<Record<string, string | number | boolean | readonly (string | number)[]>>;

/**
 * Fills in the options that the command line leaves open.
 *
 * @throws {UsageError} when the file cannot be read, has an option that the command does not have, or a value that the option does
 *   not take
 */
export async function applyConfigFile(command: Command): Promise<void> {
  const path = command.opts<{ config?: string }>().config;
  if (path === undefined) return;
  for (const [name, value] of Object.entries(await readConfig(path))) {
    const option = command.options.find((candidate) => candidate.attributeName() === name);
    if (option === undefined || name === 'config') {
      const names = command.options.map((candidate) => candidate.attributeName());
      // Loaded here: commands without a network are quick to start.
      const { nearestNames } = await import('@arcface/backbones');
      const [nearest] = nearestNames(name, names, 1);
      throw new UsageError(
        `${path} sets "${name}", which ${command.name()} does not have. The nearest is ${nearest}; it has ${names.join(', ')}.`,
      );
    }
    // A module may leave an option open by a condition; false is the other side of an option that needs no value.
    if (value === undefined || (value === false && option.optional)) continue;
    const source = command.getOptionValueSource(name);
    if (source === 'cli') continue;
    try {
      command.setOptionValueWithSource(name, parse(value, option), 'config');
    } catch (error) {
      throw new UsageError(`${path} sets ${name} to ${shown(value)}: ${(error as Error).message}`);
    }
  }
}

/** A module may hold what JSON does not have: functions, large integers. */
function shown(value: unknown): string {
  const isData = typeof value !== 'bigint' && typeof value !== 'function' && typeof value !== 'symbol';
  return isData ? JSON.stringify(value) : String(value);
}

/** What the command line would make of the value. */
function parse(value: unknown, option: Option): unknown {
  if (typeof value === 'boolean') {
    if (option.required) throw new Error('Expected a value.');
    return value;
  }
  if (option.isBoolean() || option.negate) throw new Error('Expected true or false.');
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!values.every((each) => typeof each === 'string' || typeof each === 'number')) {
    throw new Error('Expected a text, a number, or a list of them.');
  }
  if (option.parseArg === eachValue) return values.map(String);
  const text = values.join(',');
  return option.parseArg === undefined ? text : option.parseArg<unknown>(text, undefined);
}

async function readConfig(path: string): Promise<Config> {
  let value: unknown;
  try {
    if (path.endsWith('.json')) {
      // Editors of Windows put a mark in front, which is no JSON.
      value = JSON.parse((await readFile(path, 'utf8')).replace(/^\uFEFF/, ''));
    } else {
      const module = (await import(pathToFileURL(resolve(path)).href)) as {
        config?: unknown;
        default?: unknown;
      };
      value = module.config ?? module.default;
    }
  } catch (error) {
    throw new UsageError(
      `The configuration ${path} cannot be read: ${error instanceof Error ? error.message : error}`,
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(
      `${path} must hold an object of options (in a module: export const config = { ... }).`,
    );
  }
  return value as Config;
}
