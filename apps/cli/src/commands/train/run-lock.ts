/**
 * One training a run folder: two of them would remove each other's checkpoints. A file in the folder says who is at work; one that a
 * killed process has left behind counts for nothing, so that `--resume` goes on at once.
 */
import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CommandError } from '../../cli/usage-error.ts';

export const RUN_LOCK = 'train.lock';

interface Holder {
  readonly host: string;
  readonly process: number;
  /** When the process began, as the system counts; null where it does not tell. Numbers of processes are given again. */
  readonly begun: string | null;
}

/**
 * Makes the folder, and keeps it for this process.
 *
 * @returns what gives it free again
 * @throws {CommandError} when another process that is alive has it, as far as can be told: on another host, it is taken for alive
 */
export async function lockRunFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, RUN_LOCK);
  const own: Holder = { host: hostname(), process: process.pid, begun: begunAt(process.pid) };
  const text = `${JSON.stringify(own)}\n`;
  await mkdir(folder, { recursive: true });
  if (!(await placed(path, text))) {
    const holder = await holderOf(path);
    if (holder && isAlive(holder)) {
      throw new CommandError(
        `Another training is at work in ${folder}: process ${holder.process} on ${holder.host}. ` +
          `Wait for it, or take another folder. If there is no such process, remove ${path}.`,
      );
    }
    await rm(path, { force: true });
    await placed(path, text);
  }
  // Who finds what a killed process has left at the same time may have taken it as well: the last one has it.
  if ((await readFile(path, 'utf8').catch(() => '')) !== text)
    throw new CommandError(`Another training has begun in ${folder} at the same time.`);
  return () => rm(path, { force: true });
}

async function placed(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new CommandError(`${path} could not be written (${(error as Error).message}).`, { cause: error });
  }
}

/** Undefined for a file that is gone again, or was cut off. */
async function holderOf(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

function isAlive({ host, process: id, begun }: Holder): boolean {
  if (host !== hostname()) return true;
  if (id === process.pid) return begun === begunAt(id) && begun !== null;
  try {
    process.kill(id, 0);
  } catch (error) {
    // Somebody else's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return begun === null || begun === begunAt(id);
}

/** Field 22 of proc(5)'s stat; the second, the program's name in brackets, may have spaces in it. */
function begunAt(id: number): string | null {
  try {
    const stat = readFileSync(`/proc/${id}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
