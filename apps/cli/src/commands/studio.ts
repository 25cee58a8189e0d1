/** `arcface studio`: look at an audit in the browser, decide, export. Serves on this machine only, until Ctrl-C. */
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { FaceDataset } from '@arcface/recordio';
import type { Command } from 'commander';
import openInBrowser from 'open';
import { readDecisions } from '../cleaning/tables.ts';
import { type CommandContext, defineCommand, type SharedOptions } from '../cli/define-command.ts';
import { wholeNumber } from '../cli/option-values.ts';
import { CommandError, UsageError } from '../cli/usage-error.ts';
import { openData } from '../data.ts';
import { decisionsStore } from '../studio/decisions-store.ts';
import { studioApp } from '../studio/studio-app.ts';
import { recordFileOf, studioFiles } from '../studio/studio-data.ts';
import { type StudioServer, startStudioServer } from '../studio/studio-server.ts';

interface StudioOptions extends SharedOptions {
  readonly data?: string;
  readonly audit?: string;
  readonly decisions?: string;
  readonly mask?: boolean;
  readonly open: boolean;
  readonly port: number;
}

/** The same each time, so that the browser finds again what it kept. */
const USUAL_PORT = 4715;

export function studioCommand(): Command {
  return defineCommand<StudioOptions>({
    name: 'studio',
    description:
      'Look at what an audit would drop, decide, and export, in the browser. Serves the page and the faces to this machine only, at ' +
      'an address that nobody can guess, until Ctrl-C; nothing is uploaded. Without an audit the page asks for files.',
    example: 'arcface studio --data faces --audit audit.jsonl --decisions review.json',
    options: (command) =>
      command
        .option(
          '--data <data>',
          'the dataset that the audit is of: a .rec, a folder with a train.rec, a folder of folders, or a .lst',
        )
        .option('--audit <file>', 'an audit: .jsonl or .parquet')
        .option(
          '--decisions <file>',
          'start from these decisions, and save into this file with every decision',
        )
        .option('--mask', 'blur all faces, for showing the studio to others')
        .option('--no-open', 'print the address only')
        .option('--port <n>', 'port to serve on; 0 for any that is free', wholeNumber(0, 65_535), USUAL_PORT),
    run: studio,
  });
}

async function studio(options: StudioOptions, context: CommandContext): Promise<void> {
  const { data, audit, decisions } = options;
  if (data !== undefined && audit === undefined) {
    throw new UsageError('Give the audit of the data, too: --audit (arcface audit makes one).');
  }
  if (decisions !== undefined && audit === undefined)
    throw new UsageError('--decisions needs the --audit that they are about.');
  if (decisions?.endsWith('.csv'))
    throw new UsageError('--decisions is saved into as JSON lines: name it .json or .jsonl.');
  if (decisions !== undefined && !existsSync(dirname(resolve(decisions))))
    throw new CommandError(
      `There is no folder ${dirname(resolve(decisions))} to save ${basename(decisions)} into.`,
    );
  // What is damaged is refused here, before a browser opens.
  if (decisions !== undefined && existsSync(decisions)) await readDecisions(decisions);
  const records = data === undefined ? undefined : recordFileOf(data);
  if (records !== undefined && !existsSync(records)) throw new CommandError(`There is no ${records}.`);
  const images: FaceDataset | undefined =
    data === undefined || records !== undefined ? undefined : await openData(data, context);
  const files = studioFiles({
    records,
    images: images !== undefined,
    title: titleOf(data ?? audit),
    audit,
    mask: options.mask === true,
    decisions: decisions !== undefined,
  });
  const server = await start(
    {
      app: studioApp(),
      files,
      images,
      decisions: decisions === undefined ? undefined : decisionsStore(decisions),
      port: options.port,
    },
    context,
  );
  try {
    const { address, port } = server;
    context.console.result({ address, port, audit, data, decisions }, [address]);
    context.console.log('open the address in a browser on this machine; Ctrl-C ends it');
    if (options.open) await openInBrowser(address).catch(() => undefined);
    await aborted(context.signal);
  } finally {
    await server.close();
    await images?.close();
  }
}

function titleOf(path: string | undefined): string {
  if (path === undefined) return 'arcface studio';
  const full = resolve(path);
  return /^train\.rec$/.test(basename(full)) ? basename(dirname(full)) : basename(full);
}

/** On the usual port, or where that is taken and nobody asked for it, on one that is free. */
async function start(
  options: Parameters<typeof startStudioServer>[0],
  { stated, console }: CommandContext,
): Promise<StudioServer> {
  try {
    return await startStudioServer(options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    if (stated('port'))
      throw new CommandError(`Port ${options.port} is taken. Give another --port, or 0 for any.`);
    console.warn(
      `port ${options.port} is taken: decisions that the browser keeps are kept for another address now (--decisions keeps them in a file)`,
    );
    return startStudioServer({ ...options, port: 0 });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
