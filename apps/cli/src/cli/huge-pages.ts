// Large pages of memory for what ONNX Runtime allocates. A training step streams through hundreds of megabytes; with the
// kernel's usual pages of 4 KiB a fifth of its time goes into finding them. Most Linux distributions give pages of 2 MiB to
// those who ask, and the GNU C library asks where its environment says so as the process starts. A process cannot do
// that for itself, so the program replaces itself, once and before it has loaded anything. Node can from 22.15 on;
// with an older one, set the variable yourself.

import { readFileSync } from 'node:fs';

const tunable = 'glibc.malloc.hugetlb';

/** The environment in which memory comes in large pages; null where nothing is to be gained or somebody has decided already. */
export function hugePageEnvironment(
  env: NodeJS.ProcessEnv,
  /** The kernel's choice, as `/sys/kernel/mm/transparent_hugepage/enabled` has it: the one in brackets holds. */
  kernelSetting: string,
): NodeJS.ProcessEnv | null {
  const given = env.GLIBC_TUNABLES ?? '';
  if (!kernelSetting.includes('[madvise]') || given.includes(tunable)) return null;
  return { ...env, GLIBC_TUNABLES: [given, `${tunable}=1`].filter(Boolean).join(':') };
}

/** Starts the program again in place of itself, with the same arguments, where that brings large pages; else returns. */
export function restartWithHugePages(): void {
  // Typed here, because Node 20 has no such function.
  const { execve } = process as { execve?: (file: string, args: string[], env: NodeJS.ProcessEnv) => never };
  if (process.platform !== 'linux' || execve === undefined) return;
  // A channel to the process that started this one would not outlive the change.
  if (process.send !== undefined) return;
  const env = hugePageEnvironment(process.env, kernelSetting());
  if (env === null) return;
  const { execPath, execArgv, argv } = process;
  execve.call(process, execPath, [execPath, ...execArgv, ...argv.slice(1)], env);
}

function kernelSetting(): string {
  try {
    return readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8');
  } catch {
    return '';
  }
}
