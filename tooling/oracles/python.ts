/** Finds a Python that can run an oracle. */
import { spawnSync } from 'node:child_process';

export interface PythonWanted {
  /** Environment variable that names the interpreter; without it, `python3`. */
  readonly variable: string;
  /** What it must be able to import. */
  readonly modules: readonly string[];
}

/** The interpreter, or why there is none, for the title of a skipped test. */
export function findPython({ variable, modules }: PythonWanted): { python?: string; missing?: string } {
  const python = process.env[variable] ?? 'python3';
  // MXNet 1.9.1 uses a name that NumPy has dropped since.
  const code = `import numpy; numpy.bool = bool\nimport ${modules.join(', ')}`;
  const { status } = spawnSync(python, ['-c', code]);
  return status === 0
    ? { python }
    : { missing: `set ${variable} to a Python with ${modules.join(', ')} to run these` };
}
