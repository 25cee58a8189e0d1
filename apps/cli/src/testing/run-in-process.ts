import { runCommandLine } from '../program.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process and catches what it prints. */
export async function runInProcess(...args: string[]): Promise<Outcome> {
  const caught = { stdout: '', stderr: '' };
  const restore = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const write = stream.write;
    stream.write = (chunk: string | Uint8Array) => {
      caught[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      return true;
    };
    return () => {
      stream.write = write;
    };
  });
  const exitCodeBefore = process.exitCode;
  try {
    return { exitCode: await runCommandLine(args), ...caught };
  } finally {
    for (const undo of restore) undo();
    process.exitCode = exitCodeBefore;
  }
}
