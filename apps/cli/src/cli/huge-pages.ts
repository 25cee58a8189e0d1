// Large pages of memory for what ONNX Runtime allocates. A training step streams through hundreds of megabytes; with the
// kernel's usual pages of 4 KiB a fifth of its time goes into finding them. Most Linux distributions give pages of 2 MiB to
// those who ask, and the GNU C library asks where its environment says so as the process starts. A process cannot do
// that for itself, so the program is started again, once and before it has loaded anything.

import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const tunable = 'glibc.malloc.hugetlb';

/** Variables by which launchers of several processes (MPI's, Slurm's) number theirs: these watch and signal the process that they started. */
const LAUNCHED = ['OMPI_COMM_WORLD_RANK', 'PMIX_RANK', 'PMI_RANK', 'SLURM_PROCID'] as const;

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

/**
 * Starts the program again, with the same arguments, where that brings large pages. From Node 22.15 on it takes this process's place.
 * With an older Node it is a child, and this process only hands on signals and the exit code: then true is returned, and nothing else
 * must be done here. False where the program is to go on in this process.
 */
export function restartWithHugePages(): boolean {
  if (process.platform !== 'linux') return false;
  // A channel to the process that started this one would not outlive the change.
  if (process.send !== undefined) return false;
  const env = hugePageEnvironment(process.env, kernelSetting());
  if (env === null) return false;
  const { execPath, execArgv, argv } = process;
  const command = [execPath, ...execArgv, ...argv.slice(1)];
  // Typed here, because Node 20 has no such function.
  const { execve } = process as { execve?: (file: string, args: string[], env: NodeJS.ProcessEnv) => never };
  if (execve !== undefined) return execve.call(process, execPath, command, env);
  return !LAUNCHED.some((name) => name in env) && runAsChild(command, env);
}

/** False where nothing ties the child's life to this process's: killed, it would leave a training behind that goes on writing. */
function runAsChild(command: readonly string[], env: NodeJS.ProcessEnv): boolean {
  const tied = ['setpriv', '--pdeathsig', 'KILL'] as const;
  const [tie, ...flags] = tied;
  if (spawnSync(tie, [...flags, 'true'], { stdio: 'ignore' }).status !== 0) return false;
  const child = spawn(tie, [...flags, ...command], { stdio: 'inherit', env });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
  for (const name of signals) process.on(name, () => child.kill(name));
  child.on('error', (error) => {
    throw error;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // As if it had ended this process.
    for (const name of signals) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
  return true;
}

function kernelSetting(): string {
  try {
    return readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8');
  } catch {
    return '';
  }
}
