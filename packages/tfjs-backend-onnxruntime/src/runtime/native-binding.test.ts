import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// ONNX Runtime's telemetry opens a log in the temporary folder, and keeps a device identifier and a queue in the home folder.
test.skipIf(process.platform !== 'linux')('loading the runtime leaves no trace of telemetry', () => {
  const home = mkdtempSync(join(tmpdir(), 'no-telemetry-'));
  const { ORT_DISABLE_TELEMETRY: _, CI: __, ...environment } = process.env;
  const load = `import(${JSON.stringify(new URL('native-binding.ts', import.meta.url).href)}).then((m) => m.loadRuntime())`;
  const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', '-e', load], {
    encoding: 'utf8',
    env: { ...environment, HOME: home, TMPDIR: home, XDG_CACHE_HOME: home, TSX_DISABLE_CACHE: '1' },
  });
  // What the runtime has to say of a machine (a graphics card that it cannot read) is not what is asked here.
  expect(status, stderr).toBe(0);
  expect(readdirSync(home).filter((name) => !name.startsWith('tsx-'))).toEqual([]);
  rmSync(home, { recursive: true });
});
