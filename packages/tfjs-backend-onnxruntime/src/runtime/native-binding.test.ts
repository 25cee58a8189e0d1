import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const file = new URL('native-binding.ts', import.meta.url).href;
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
const loader = new URL('dist/esm/api/index.mjs', tsx).href;

/** Loads the runtime in a thread, in one that does not know the environment, and in the main thread, which has imported it before. */
const program = `
  const { Worker } = require('node:worker_threads');
  // Threads do not inherit the loader that reads TypeScript.
  const body = 'import("${loader}").then(({ register }) => register() && import("${file}")).then((module) => module.loadRuntime())';
  const inThread = (options) =>
    new Promise((resolve, reject) => {
      new Worker(body, { eval: true, ...options }).on('error', reject).on('exit', resolve);
    });
  import('${file}').then(async (module) => {
    await inThread({});
    await inThread({ env: {} });
    module.loadRuntime();
  });
`;

// ONNX Runtime's telemetry opens a log in the temporary folder, and keeps a device identifier and a queue in the home folder.
test.skipIf(process.platform !== 'linux')('loading the runtime leaves no trace of telemetry', () => {
  const home = mkdtempSync(join(tmpdir(), 'no-telemetry-'));
  const { ORT_DISABLE_TELEMETRY: _, CI: __, ...environment } = process.env;
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '-e', program], {
    encoding: 'utf8',
    env: { ...environment, HOME: home, TMPDIR: home, XDG_CACHE_HOME: home, TSX_DISABLE_CACHE: '1' },
  });
  // What the runtime has to say of a machine (a graphics card that it cannot read) is not what is asked here.
  expect(status, stderr).toBe(0);
  expect(readdirSync(home).filter((name) => !name.startsWith('tsx-'))).toEqual([]);
  expect(stderr.match(/cannot turn off the telemetry/g), stderr).toHaveLength(1);
  rmSync(home, { recursive: true });
});
