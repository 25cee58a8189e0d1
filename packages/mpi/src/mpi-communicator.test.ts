import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleProgram } from '@arcface-tooling/programs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mpiCommunicator } from './mpi-communicator.ts';
import { MpiError } from './mpi-error.ts';
import { isUnderMpi, loadMpiLibrary } from './mpi-library.ts';

let directory: string;
let program: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'arcface-mpi-'));
  program = await bundleProgram(new URL('./collectives.fixture.ts', import.meta.url), directory);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Launchers that this machine may have: Debian's packages of Open MPI and of MPICH. */
const LAUNCHERS = [
  { name: 'Open MPI', command: ['mpirun.openmpi', '--allow-run-as-root', '--oversubscribe'] },
  { name: 'MPICH', command: ['mpiexec.hydra'] },
].map((launcher) => ({
  ...launcher,
  isThere: spawnSync(launcher.command[0]!, ['--version']).status === 0,
}));

interface Ended {
  readonly code: number;
  readonly answers: readonly Readonly<Record<string, unknown>>[];
  readonly errors: string;
}

function onRanks(command: readonly string[], size: number, task: readonly string[]): Promise<Ended> {
  const [file, ...parameters] = [...command, '-n', String(size), process.execPath, program, ...task];
  return new Promise((resolve) => {
    execFile(file!, parameters, (error, output, errors) => {
      const answers = output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
      resolve({ code: Number(error?.code ?? 0), answers, errors });
    });
  });
}

describe.each(LAUNCHERS)(
  '$name (skipped where its launcher is not installed)',
  // They wait more than they compute.
  { concurrent: true },
  ({ name, command, isThere }) => {
    test.skipIf(!isThere).each([
      [1, 'exchange'],
      [3, 'compute'],
    ] as const)('%i ranks exchange numbers (%s)', async (size, task) => {
      const { code, answers: all, errors } = await onRanks(command, size, [task]);
      expect(code, errors).toBe(0);
      const answers = all.filter((each) => 'rank' in each);
      const meanwhile = all.filter((each) => 'byItself' in each);
      expect(meanwhile).toEqual(
        Array.from({ length: task === 'compute' ? size : 0 }, () => ({
          byItself: true,
          values: [size, size],
        })),
      );
      const ranks = Array.from({ length: size }, (_, rank) => rank);
      const ofRanks = ranks.reduce((sum, rank) => sum + rank, 0);
      expect(answers.toSorted((a, b) => Number(a.rank) - Number(b.rank))).toEqual(
        ranks.map((rank) => ({
          ...{ rank, size, implementation: name, sameBits: true, places: size, ownPlace: true },
          sums: Array.from({ length: 11 }, (_, i) => ofRanks + (size * i) / 8),
          many: [ofRanks + size, ofRanks + size],
          severalAtOnce: [1, 2, 3].map((factor) => [factor * (ofRanks + size), factor * (ofRanks + size)]),
          largest: [size - 1, 0, 7],
          gathered: ranks.map((each) => Array.from({ length: each * 3 }, () => each)),
          told: [0, 1, 2, 3, 4, 5],
        })),
      );
    });

    test.skipIf(!isThere)('ranks that are out of step are told so', async () => {
      const { code, answers } = await onRanks(command, 2, ['misstep']);
      expect(code).not.toBe(0);
      expect(answers[0]).toMatchObject({
        code: 'out-of-step',
        message: expect.stringMatching(
          /rank \d of 2: called (allReduce sum with 3|barrier with 0) numbers while rank \d called/,
        ),
      });
    });

    test.skipIf(!isThere)('and so are those that have begun with different lengths', async () => {
      const { code, answers } = await onRanks(command, 2, ['begun-misstep']);
      expect(code).not.toBe(0);
      expect(answers[0]).toMatchObject({
        code: 'out-of-step',
        message: expect.stringMatching(
          /called allReduce sum with [37] numbers while rank \d called allReduce sum/,
        ),
      });
    });

    test.skipIf(!isThere)('a rank that is stopped ends the job, which names it', async () => {
      const { code, answers, errors } = await onRanks(command, 2, ['stopped', '3']);
      expect(code).not.toBe(0);
      expect(answers, errors).toEqual([
        {
          ...{ name: 'MpiError', code: 'rank-silent' },
          message: expect.stringMatching(
            /^No sign of life of rank 1 \(process \d+ on .+\) for \d+ s, while rank 0 \(.+\) waits in barrier\.$/,
          ),
        },
      ]);
    });

    test.skipIf(!isThere)('a rank that lives but does not come ends the job, too', async () => {
      const { code, answers } = await onRanks(command, 2, ['late', '60']);
      expect(code).not.toBe(0);
      expect(answers[0]).toMatchObject({
        code: 'rank-silent',
        message: expect.stringMatching(
          /^rank 1 \(.+\) has not come for \d+ s to where rank 0 \(.+\) waits \(barrier\), but is alive/,
        ),
      });
    });
  },
);

test('a process that no launcher started is told how to start', () => {
  expect(isUnderMpi({})).toBe(false);
  expect(isUnderMpi({ PMI_RANK: '0' })).toBe(true);
  expect(() => mpiCommunicator()).toThrow(/is no rank of an MPI program. Start it with mpirun/);
  expect(() => mpiCommunicator({ silenceSeconds: 0 })).toThrow(/silenceSeconds must be positive, found 0/);
});

test('a library that is not there, or of no MPI, is named', () => {
  expect(() => loadMpiLibrary('libnothere.so')).toThrow(
    /No MPI library can be loaded \(libnothere.so: .*\). Install Open MPI .*libopenmpi3/s,
  );
  const other = process.platform === 'linux' ? 'libc.so.6' : 'libc.dylib';
  expect(() => loadMpiLibrary(undefined, { ARCFACE_MPI_LIBRARY: other })).toThrow(MpiError);
});
