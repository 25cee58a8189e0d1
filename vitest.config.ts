import { availableParallelism, totalmem } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Tests whose files may follow each other in one process: what they import is loaded once for all of them, which is most of their
 * time. They compute, and leave a process as they found it but for the current backend, which every file sets. Threads, signals,
 * settings of the backend, caches and memory are tested in processes of their own. All tests of properties (fast-check) are here.
 */
const PURE = 'packages/{alignment,backbones,cleaner,onnx-format,recordio,subcenter-loss}/src';
const TOGETHER = [
  `${PURE}/*.test.ts`,
  `${PURE}/!(node)/**/*.test.ts`,
  'packages/tfjs-backend-onnxruntime/src/{kernels,lowering}/**/*.test.ts',
  'packages/trainer/src/*.test.ts',
  'packages/trainer/src/{checkpoints,data,embedding,optimisation,verification,training}/**/!(*.onnxruntime).test.ts',
  'apps/cli/src/{cli,demo,report}/**/*.test.ts',
  'apps/studio/src/*/**/!(*.browser).test.ts',
  'tooling/{mpi,site}/**/*.test.ts',
  'tooling/readme/{dependencies,named-files,shell-commands}.test.ts',
];
const EVERYTHING = ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tooling/**/*.test.ts'];
const NEVER = ['**/node_modules/**', '**/dist/**'];

/** What takes longest comes first, also where no earlier run has left how long each took: nothing long is left for the end. */
const LONG = /(mpi|drop\.oracle|\.browser|code-blocks|shards|walks|model|killed-run)\.test\.ts$/;
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** Bytes that a process of tests may take. */
const PROCESS_BYTES = 1.5 * 2 ** 30;
/** Of the machine, or what a container gives of it. */
const memory = Math.min(totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY);

export default defineConfig({
  test: {
    // Tests wait for a third of their time: for processes, for a browser, for a disk.
    maxWorkers: Math.max(
      1,
      Math.min(Math.ceil(1.5 * availableParallelism()), Math.floor(memory / PROCESS_BYTES)),
    ),
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: TOGETHER,
          exclude: NEVER,
          isolate: false,
          setupFiles: ['tooling/properties/seed.ts'],
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: EVERYTHING,
          exclude: [...NEVER, ...TOGETHER],
          globalSetup: ['tooling/test-backends/bundled-gradients.ts'],
          sequence: { groupOrder: 1 },
        },
      },
    ],
    setupFiles: ['tooling/test-backends/bind.ts'],
    pool: 'forks',
    // tfjs-core's gradient definitions are published as extensionless ES modules that Node alone cannot load.
    execArgv: ['--import', 'tsx'],
    // Graphs kept by earlier runs must not decide what a test sees.
    env: { TFJS_ONNXRUNTIME_DISK_CACHE: '0' },
    // What hangs ends, but nothing fails because a machine is slow or busy.
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
