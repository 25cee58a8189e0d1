import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applyConfigFile } from './config-file.ts';
import { ascendingNumbers, wholeNumber } from './option-values.ts';
import { UsageError } from './usage-error.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The options of a command that reads this text as its configuration, with what is typed beside it. */
async function configured(text: string, ...typed: string[]): Promise<Record<string, unknown>> {
  const config = join(folder, 'config.json');
  writeFileSync(config, text);
  const command = new Command('train')
    .option('--config <file>')
    .option('--network <name>', '', 'y1')
    .option('--batch-size <n>', '', wholeNumber(1), 32)
    .option('--lr-steps <numbers>', '', ascendingNumbers)
    .option('--tensorboard [folder]')
    .option('--no-mirror')
    .option('--resume');
  command.parse(['--config', config, ...typed], { from: 'user' });
  await applyConfigFile(command);
  return command.opts();
}

test('values are what the command line makes of them, and what is typed wins', async () => {
  const text = JSON.stringify({
    network: 50,
    batchSize: '8',
    lrSteps: [1, 2.5],
    tensorboard: true,
    resume: true,
  });
  expect(await configured(text, '--batch-size', '16')).toMatchObject({
    network: '50',
    batchSize: 16,
    lrSteps: [1, 2.5],
    tensorboard: true,
    resume: true,
  });
  expect(await configured('{"tensorboard": "logs", "resume": false}')).toMatchObject({
    tensorboard: 'logs',
    resume: false,
  });
});

test('what is left open, switched off, or behind a mark of its encoding is read as it is meant', async () => {
  expect(await configured('\uFEFF{"tensorboard": false, "mirror": false}')).toMatchObject({ mirror: false });
  expect(await configured('{"tensorboard": false}')).not.toHaveProperty('tensorboard');
  const module = join(folder, 'open.mjs');
  writeFileSync(module, 'export const config = { network: undefined, batchSize: 4 };');
  const command = new Command('train')
    .option('--config <file>')
    .option('--network <name>', '', 'y1')
    .option('--batch-size <n>', '', wholeNumber(1), 32);
  command.parse(['--config', module], { from: 'user' });
  await applyConfigFile(command);
  expect(command.opts()).toMatchObject({ network: 'y1', batchSize: 4 });
});

test.each([
  ['export const config = { batchSize: 10n };', /sets batchSize to 10: Expected a text/],
  ['export const config = { batchSize: () => 1 };', /sets batchSize to \(\) => 1: Expected a text/],
  ['throw "words";', /cannot be read: words/],
])('a module with what JSON does not have is refused: %s', async (text, message) => {
  const module = join(folder, `odd-${text.length}.mjs`);
  writeFileSync(module, text);
  const command = new Command('train')
    .option('--config <file>')
    .option('--batch-size <n>', '', wholeNumber(1));
  command.parse(['--config', module], { from: 'user' });
  const error = await applyConfigFile(command).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toMatch(message);
});

describe('refuses', () => {
  test.each([
    ['a text for a switch', '{"resume": "no"}', /sets resume to "no": Expected true or false/],
    ['a text for a switch that is on', '{"mirror": "no"}', /sets mirror to "no": Expected true or false/],
    ['a list with a hole', '{"lrSteps": [1, null]}', /Expected a text, a number/],
    ['an empty list', '{"lrSteps": []}', /sets lrSteps to \[\]: Expected ascending numbers/],
    ['numbers without end', '{"lrSteps": "1,1e999"}', /Expected ascending numbers/],
    ['a number that is missing', '{"lrSteps": ",5"}', /Expected ascending numbers/],
    ['a switch for a number', '{"batchSize": true}', /sets batchSize to true: Expected a value/],
    ['nothing', '{"network": null}', /sets network to null: Expected a text, a number/],
    ['an object', '{"network": {"name": "y1"}}', /Expected a text, a number/],
    ['a number out of range', '{"batchSize": 0}', /batchSize to 0: Expected a whole number/],
    [
      'an unknown option',
      '{"batchsize": 3}',
      /sets "batchsize", which train does not have\. The nearest is batchSize;/,
    ],
    [
      'one as it is typed',
      '{"lr-steps": 3}',
      /The nearest is lrSteps; it has config, network, batchSize, lrSteps,/,
    ],
    ['another file', '{"config": "other.json"}', /sets "config"/],
    ['no object', '[1]', /must hold an object/],
    ['no JSON', '{', /cannot be read/],
  ])('%s', async (_, text, message) => {
    const error = await configured(text).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
  });
});
