import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tooling/**/*.test.ts'],
    setupFiles: ['tooling/test-backends/bind.ts'],
    pool: 'forks',
    maxWorkers: '100%',
    // tfjs-core's gradient definitions are published as extensionless ES modules that Node alone cannot load.
    execArgv: ['--import', 'tsx'],
    // Graphs kept by earlier runs must not decide what a test sees.
    env: { TFJS_ONNXRUNTIME_DISK_CACHE: '0' },
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
