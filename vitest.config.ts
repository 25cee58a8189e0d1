import { defineConfig } from 'vitest/config';

/**
 * Tests whose files may follow each other in one process: what they import is loaded once for all of them, which is most of their
 * time. They compute, and leave a process as they found it but for the current backend, which every file sets. Threads, signals,
 * settings of the backend, caches and memory are tested in processes of their own.
 */
const PURE = 'packages/{alignment,backbones,cleaner,onnx-format,recordio,subcenter-loss}/src';
const TOGETHER = [
  `${PURE}/*.test.ts`,
  `${PURE}/!(node)/**/*.test.ts`,
  'packages/tfjs-backend-onnxruntime/src/{kernels,lowering}/**/*.test.ts',
  'packages/trainer/src/{data,optimisation,verification,training}/**/!(*.onnxruntime).test.ts',
];
const EVERYTHING = ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tooling/**/*.test.ts'];
const NEVER = ['**/node_modules/**', '**/dist/**'];

export default defineConfig({
  test: {
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: TOGETHER,
          exclude: NEVER,
          isolate: false,
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
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
