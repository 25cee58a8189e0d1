import { runCommandLine } from '../program.ts';
import { checkJson } from './json-contract.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  /** What `stdout` is the text of: a command may print an image. */
  readonly bytes: Uint8Array;
  readonly stderr: string;
}

/** Runs a command line in this process and catches what it prints; what it prints with `--json` must be what is promised. */
export async function runInProcess(...args: string[]): Promise<Outcome> {
  const caught: Record<'stdout' | 'stderr', Uint8Array[]> = { stdout: [], stderr: [] };
  const restore = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const write = stream.write;
    stream.write = (chunk: string | Uint8Array) => {
      caught[name].push(Buffer.from(chunk));
      return true;
    };
    return () => {
      stream.write = write;
    };
  });
  const exitCodeBefore = process.exitCode;
  try {
    const exitCode = await runCommandLine(args);
    const bytes = Buffer.concat(caught.stdout);
    if (args.includes('--json')) checkJson(args, bytes.toString());
    return { exitCode, stdout: bytes.toString(), bytes, stderr: Buffer.concat(caught.stderr).toString() };
  } finally {
    for (const undo of restore) undo();
    process.exitCode = exitCodeBefore;
  }
}

/** Runs a command line in this process, and presses Ctrl-C as soon as it is time; not at all if it ends before. */
export async function runAndInterrupt(isTime: () => boolean, ...args: string[]): Promise<Outcome> {
  let hasEnded = false;
  const running = runInProcess(...args).finally(() => {
    hasEnded = true;
  });
  while (!hasEnded && !isTime()) await new Promise(setImmediate);
  process.emit('SIGINT');
  return running;
}

/** The first moment at which Ctrl-C can be pressed: the command that is started next listens to it. */
export function fromTheStart(): () => boolean {
  const before = process.listenerCount('SIGINT');
  return () => process.listenerCount('SIGINT') > before;
}
