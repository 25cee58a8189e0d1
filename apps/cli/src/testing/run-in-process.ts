import { runCommandLine } from '../program.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  /** What `stdout` is the text of: a command may print an image. */
  readonly bytes: Uint8Array;
  readonly stderr: string;
}

/** Runs a command line in this process and catches what it prints. */
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
    return { exitCode, stdout: bytes.toString(), bytes, stderr: Buffer.concat(caught.stderr).toString() };
  } finally {
    for (const undo of restore) undo();
    process.exitCode = exitCodeBefore;
  }
}
