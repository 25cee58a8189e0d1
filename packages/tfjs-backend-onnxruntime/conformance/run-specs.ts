// Runs tfjs-core's specs on one backend, in as many processes as there are cores: a spec that takes its process with it, or never
// ends, costs a share of the others and not all.

import { fork } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { bundleSpecs } from './bundle.ts';
import type { Outcome, Share } from './outcome.ts';

export interface SpecRun {
  /** As tfjs registers it. */
  readonly backendName: string;
  /** After so long the processes are stopped. */
  readonly minutes: number;
  /** Only specs whose name contains this text. */
  readonly only?: string;
  /** A file with outcomes of an earlier run, a line of JSON each: their specs are not run again. New outcomes are added to it. */
  readonly outcomes?: string;
  /** For the processes: what a backend of another package needs (see test-environment.ts). */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface SpecResults {
  readonly outcomes: readonly Outcome[];
  /** Why some specs have no outcome, with the last words of the processes; null where all have. */
  readonly unfinished: string | null;
}

export async function runSpecs(run: SpecRun): Promise<SpecResults> {
  const bundle = await bundleSpecs();
  const of = availableParallelism();
  const shares = Array.from({ length: of }, (_, index) => ({
    index,
    of,
    ...(run.only && { only: run.only }),
    ...(run.outcomes && { outcomes: run.outcomes }),
  }));
  const results = await Promise.all(shares.map((share) => runShare(bundle, share, run)));
  const reasons = results.flatMap(({ unfinished }) => unfinished ?? []);
  return {
    outcomes: results.flatMap(({ outcomes }) => outcomes),
    unfinished: reasons.length === 0 ? null : reasons.join('\n'),
  };
}

/** A share of the specs in a process of its own; what it prints is told of only if it ends early. */
function runShare(bundle: string, share: Share, run: SpecRun): Promise<SpecResults> {
  return new Promise((resolve, reject) => {
    let printed = '';
    let isDone = false;
    const outcomes: Outcome[] = [];
    const child = fork(bundle, [], {
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      timeout: run.minutes * 60_000,
      killSignal: 'SIGKILL',
      env: {
        ...process.env,
        CONFORMANCE_BACKEND: run.backendName,
        CONFORMANCE_SHARE: JSON.stringify(share),
        TFJS_ONNXRUNTIME_THREADS: '1',
        TFJS_ONNXRUNTIME_DISK_CACHE: '0',
        ...run.environment,
      },
    });
    const keep = (text: Buffer) => {
      printed = (printed + text).slice(-4000);
    };
    child.stdout!.on('data', keep);
    child.stderr!.on('data', keep);
    child.on('message', (message: Outcome | { readonly specs: number }) => {
      if ('specs' in message) {
        isDone = true;
        return;
      }
      outcomes.push(message);
      if (run.outcomes) appendFileSync(run.outcomes, `${JSON.stringify(message)}\n`);
    });
    child.on('error', reject);
    // Not 'exit', which may come before the last of its messages.
    child.on('close', (code, signal) => {
      const unfinished = isDone ? null : `a process ended early (${signal ?? code}); last words:\n${printed}`;
      resolve({ outcomes, unfinished });
    });
  });
}
