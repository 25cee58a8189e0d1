import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { encodePairsPack } from '@arcface/recordio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundledCommandLine } from '../../testing/bundled-command-line.ts';
import { runInProcess } from '../../testing/run-in-process.ts';
import { SIDE, stripedFace, writeStripedFaces } from '../../testing/striped-faces.ts';

/* The main job, whose first step is made by processes under mpirun. */

const hasMpi = spawnSync('mpirun', ['--version']).status === 0;

let folder: string;
let program: string;
const at = (...parts: string[]) => join(folder, ...parts);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-mpi-train-'));
  await writeStripedFaces(at('faces'), { identities: 5, images: 12 });
  program = await bundledCommandLine(at('program'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param stopWhen sends the signal that asks a run to stop as soon as it is true */
async function train(ranks: number, more: readonly string[], stopWhen?: () => boolean): Promise<Ended> {
  const parameters = [
    ...['--allow-run-as-root', '--oversubscribe', '-n', String(ranks)],
    // The package for MPI is looked for where a user has it: that is among the sources here.
    ...[process.execPath, '--import', import.meta.resolve('tsx'), program],
    ...['train', '--communicator', 'mpi', '--data', at('faces'), '--output', at('run')],
    ...['--network', 'r8-narrow', '--input-size', String(SIDE), '--embedding-size', '16'],
    ...['--batch-size', '12', '--lr', '0.05', '--scale', '16', '--json', ...more],
  ];
  let child: ReturnType<typeof execFile> | undefined;
  const ended = new Promise<Ended>((resolve) => {
    child = execFile('mpirun', parameters, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
  if (stopWhen) {
    const until = Promise.race([ended, waitFor(stopWhen)]);
    await until;
    child?.kill('SIGUSR2');
  }
  return ended;
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(50);
}

const steps = (): number =>
  existsSync(at('run', 'log.jsonl'))
    ? readFileSync(at('run', 'log.jsonl'), 'utf8')
        .split('\n')
        .filter((line) => line.includes('"kind":"step"')).length
    : 0;

describe.skipIf(!hasMpi)(
  'under MPI (skipped without mpirun: apt-get install openmpi-bin libopenmpi3)',
  { concurrent: true },
  () => {
    test('a run stops when it is asked, goes on with another number of ranks, and steps 2 and 3 follow on one machine', async () => {
      const stopped = await train(2, ['--max-steps', '100000', '--backward-stages', '2'], () => steps() > 0);
      expect(stopped.code, stopped.stderr).toBe(130);
      expect(stopped.stderr).toContain('2 ranks on 1 host, Open MPI');
      // One rank speaks for all.
      const first = JSON.parse(stopped.stdout);
      expect(first).toMatchObject({ stopped: true, steps: expect.any(Number) });

      const length = String(first.steps + 4);
      // Three ranks after two, and the like: packages/trainer/src/parallel/mpi.test.ts.
      const resumed = await train(1, ['--max-steps', length, '--resume']);
      expect(resumed.code, resumed.stderr).toBe(0);
      expect(JSON.parse(resumed.stdout)).toMatchObject({ stopped: false, steps: first.steps + 4 });

      const shared = ['--threads', '1', '--json'];
      const clean = await runInProcess(
        ...[
          'drop',
          '--data',
          at('faces'),
          '--model',
          at('run'),
          '--output',
          at('clean'),
          '--threshold',
          '75',
        ],
        ...shared,
      );
      expect(clean.exitCode, clean.stderr).toBe(0);
      expect(JSON.parse(clean.stdout)).toMatchObject({ images: 60, identities: 5 });

      const again = await runInProcess(
        ...['train', '--data', at('faces'), '--output', at('final'), '--init', at('run')],
        ...['--subcenters', '1', '--max-steps', '2', '--batch-size', '12', ...shared],
      );
      expect(again.exitCode, again.stderr).toBe(0);
      const images = await Promise.all(
        [0, 1, 2, 3, 4].flatMap((identity) => [
          ...[stripedFace(identity, 20), stripedFace(identity, 21)],
          ...[stripedFace(identity, 22), stripedFace((identity + 1) % 5, 23)],
        ]),
      );
      const isSame = Array.from({ length: 10 }, (_, pair) => pair % 2 === 0);
      writeFileSync(at('pairs.bin'), Buffer.concat([...encodePairsPack({ images, isSame })]));
      const verified = await runInProcess(
        ...['verify', '--model', at('final'), '--bin', at('pairs.bin'), '--folds', '2', ...shared],
      );
      expect(verified.exitCode, verified.stderr).toBe(0);
      expect(JSON.parse(verified.stdout)).toMatchObject({ pairs: 10 });
    });

    test('what is wrong is said once, and ends all ranks', async () => {
      mkdirSync(at('used'));
      writeFileSync(at('used', 'notes.txt'), 'mine');
      const { code, stdout, stderr } = await train(2, ['--max-steps', '1', '--output', at('used')]);
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/error: rank 0 of 2: The output folder .* is not empty/);
      // Of what another rank makes of it, it may be too late to keep silent on a machine that is busy.
      expect(stderr.match(/is not empty/g)).toHaveLength(1);
    });
  },
);

test('ranks are asked for in one way only, and MPI needs its launcher', async () => {
  const base = ['train', '--data', at('faces'), '--output', at('other'), '--communicator', 'mpi'];
  const both = await runInProcess(...base, '--ranks', '2');
  expect(both.exitCode).toBe(2);
  expect(both.stderr).toMatch(/leave out --ranks/);
  const stages = await runInProcess(...base, '--communicator', 'threads', '--backward-stages', '2');
  expect(stages.exitCode).toBe(2);
  expect(stages.stderr).toMatch(/--backward-stages is for --communicator mpi/);
  const alone = await runInProcess(...base);
  expect(alone.exitCode).toBe(1);
  expect(alone.stderr).toMatch(
    /--communicator mpi: This process is no rank of an MPI program. Start it with mpirun/,
  );
  expect(existsSync(at('other'))).toBe(false);
});
