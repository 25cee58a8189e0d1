import { availableParallelism, totalmem } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { bundledThreads } from './tooling/programs/bundled-threads.ts';

/**
 * Tests whose files may follow each other in one process: what they import is loaded once for all of them, which is most of their
 * time. They compute, and leave a process as they found it but for the current backend, which every file sets. Threads, signals,
 * settings of the backend, caches and memory are tested in processes of their own. All tests of properties (fast-check) are here.
 */
const PURE = 'packages/{alignment,backbones,cleaner,onnx-format,recordio,subcenter-loss}/src';
const TOGETHER = [
  `${PURE}/*.test.ts`,
  `${PURE}/!(node)/**/*.test.ts`,
  'packages/recordio/src/node/{read-pace,write-folders}.test.ts',
  'packages/{mpi,tfjs-backend-onnxruntime,tfjs-training-kernels}/src/public-api.test.ts',
  'packages/tfjs-backend-onnxruntime/src/{options,gradient-rules/saved-result}.test.ts',
  'packages/tfjs-backend-onnxruntime/src/{kernels,lowering,onnx,trace}/**/*.test.ts',
  'packages/tfjs-training-kernels/src/operations/**/*.test.ts',
  'packages/trainer/src/*.test.ts',
  'packages/trainer/src/{checkpoints,data,embedding,optimisation,verification,training}/**/!(*.onnxruntime).test.ts',
  'packages/trainer/src/node/{file-checkpoint-store,tensorboard-log}.test.ts',
  'apps/studio/src/*/**/!(*.browser).test.ts',
  'tooling/{mpi,site}/**/*.test.ts',
  'tooling/readme/{dependencies,named-files,shell-commands}.test.ts',
];
/** The same, of the command line, whose commands set the backend as they are asked to. */
const COMMANDS = [
  'apps/cli/src/!(bad-input|frozen-embedder|main-job).test.ts',
  'apps/cli/src/{cli,demo,report,studio}/**/*.test.ts',
  'apps/cli/src/cleaning/!(killed-embedding).test.ts',
  'apps/cli/src/commands/{align,audit,audit-odd-inputs,drop-by-audit,shards,verify}.test.ts',
  'apps/cli/src/commands/{bin,model}/*.test.ts',
  'apps/cli/src/commands/rec/!(interrupt).test.ts',
];
const EVERYTHING = ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tooling/**/*.test.ts'];
const NEVER = ['**/node_modules/**', '**/dist/**'];

/** What takes longest comes first, also where no earlier run has left how long each took: nothing long is left for the end. */
const LONG =
  /(mpi|mpi-ranks|drop\.oracle|\.browser|code-blocks|mxnet-checkpoints|shards|walks|model|train|main-job|killed-run)\.test\.ts$/;
/** Files that share a process follow each other; they are the shortest, and come last. */
const ORDER = ['alone', 'commands', 'together'];
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ moduleId, project }: TestSpecification): number =>
      2 * ORDER.indexOf(project.name) + (LONG.test(moduleId) ? 0 : 1);
    return sorted.toSorted((a, b) => place(a) - place(b));
  }
}

/** Bytes that a process of tests may take. */
const PROCESS_BYTES = 1.5 * 2 ** 30;
/** Of the machine, or what a container gives of it. */
const memory = Math.min(totalmem(), process.constrainedMemory?.() || Number.POSITIVE_INFINITY);

export default defineConfig({
  plugins: [bundledThreads()],
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
        },
      },
      {
        extends: true,
        test: { name: 'commands', include: COMMANDS, exclude: NEVER, isolate: false },
      },
      {
        extends: true,
        test: { name: 'alone', include: EVERYTHING, exclude: [...NEVER, ...COMMANDS, ...TOGETHER] },
      },
    ],
    globalSetup: ['tooling/test-backends/bundled-gradients.ts'],
    setupFiles: ['tooling/test-backends/bind.ts'],
    pool: 'forks',
    env: {
      // Graphs kept by earlier runs must not decide what a test sees.
      TFJS_ONNXRUNTIME_DISK_CACHE: '0',
      // Commands of a second are over before large pages of memory pay; the tests of starting again for them do.
      GLIBC_TUNABLES: 'glibc.malloc.hugetlb=0',
    },
    // What hangs ends, but nothing fails because a machine is slow or busy.
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});
