import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hugePageEnvironment } from './huge-pages.ts';

const onRequest = 'always [madvise] never\n';

it('asks for large pages where the kernel gives them on request', () => {
  expect(hugePageEnvironment({ HOME: '/home/a' }, onRequest)).toEqual({
    HOME: '/home/a',
    GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  });
});

it('keeps other settings of the C library', () => {
  const env = hugePageEnvironment({ GLIBC_TUNABLES: 'glibc.malloc.arena_max=2' }, onRequest);
  expect(env?.GLIBC_TUNABLES).toBe('glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1');
});

it.each([
  ['the kernel gives them always', {}, '[always] madvise never\n'],
  ['the kernel never gives them', {}, 'always madvise [never]\n'],
  ['there is no such setting', {}, ''],
  ['they were asked for, as after the restart', { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' }, onRequest],
  ['they were declined', { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0' }, onRequest],
])('changes nothing when %s', (_, env, setting) => {
  expect(hugePageEnvironment(env, setting)).toBeNull();
});

const setting = '/sys/kernel/mm/transparent_hugepage/enabled';
const isOnRequest = existsSync(setting) && readFileSync(setting, 'utf8').includes('[madvise]');
const isTied = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;

/** A program that restarts and then tells its environment and number, and goes on until it is told to end. */
const PROGRAM = `
import { restartWithHugePages } from ${JSON.stringify(new URL('./huge-pages.ts', import.meta.url).href)};
if (!restartWithHugePages()) {
  process.on('SIGTERM', () => process.exit(7));
  console.log(JSON.stringify({ tunables: process.env.GLIBC_TUNABLES, arguments: process.argv.slice(-1) }));
  process.stdin.resume();
}`;

async function restarted() {
  const { GLIBC_TUNABLES: _, ...env } = process.env;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM, 'a b'];
  const program = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(program.stdout, 'data');
  return { program, told: JSON.parse(String(line)) as { tunables?: string; arguments: string[] } };
}

describe.skipIf(!(isOnRequest && isTied))(
  'a program started again (skipped where the kernel gives no large pages on request)',
  () => {
    it('has them, its arguments, and hands signals and the exit code on', async () => {
      const { program, told } = await restarted();
      expect(told).toMatchObject({ tunables: 'glibc.malloc.hugetlb=1', arguments: ['a b'] });
      program.kill('SIGTERM');
      expect(await once(program, 'exit')).toEqual([7, null]);
    });

    it('dies with the process that was started', async () => {
      const { program } = await restarted();
      // Comes when nobody holds its output any more; a program that lived on would.
      const ended = once(program, 'close');
      program.kill('SIGKILL');
      expect(await ended).toEqual([null, 'SIGKILL']);
    });
  },
);
