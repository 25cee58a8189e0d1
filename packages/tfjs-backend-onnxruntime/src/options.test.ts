// What environment variables make of the defaults.

import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { defaultOptions, type OnnxRuntimeBackendOptions } from './options.ts';

afterEach(() => vi.unstubAllEnvs());

function withVariables(variables: Readonly<Record<string, string>>): OnnxRuntimeBackendOptions {
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(`TFJS_ONNXRUNTIME_${name}`, value);
  return defaultOptions();
}

const everything: readonly [Readonly<Record<string, string>>, Partial<OnnxRuntimeBackendOptions>][] = [
  [{ THREADS: '3' }, { threads: 3 }],
  [{ THREADS: '' }, { threads: availableParallelism() }],
  [{ PROVIDER: 'auto' }, { provider: 'auto' }],
  [{ LAYOUT: 'nchw' }, { layout: 'nchw' }],
  [{ PRECISION: 'float16' }, { precision: 'float16' }],
  [
    { CACHE_ENTRIES: '5', CACHE_BYTES: '1000' },
    { cacheEntries: 5, cacheBytes: 1000 },
  ],
  [
    { ARENA: '0', HOISTING: '0' },
    { arena: false, hoisting: false },
  ],
  [{ HELD_BYTES: 'Infinity' }, { heldBytes: Infinity }],
  [
    { DISK_CACHE: '/somewhere', DISK_CACHE_BYTES: '7' },
    { diskCache: '/somewhere', diskCacheBytes: 7 },
  ],
  [{ DISK_CACHE: '0' }, { diskCache: null }],
  [{ CALL_SITES: '1' }, { callSites: true }],
  [
    { DUMP: 'graphs', PROFILE: 'run' },
    { dumpDirectory: 'graphs', profilePrefix: 'run' },
  ],
];

describe('an environment variable', () => {
  it.each(everything)('%o gives %o', (variables, options) => {
    expect(withVariables(variables)).toMatchObject(options);
  });

  it.each([
    ['THREADS', 'many'],
    ['THREADS', '0'],
    ['CACHE_BYTES', '4 GiB'],
    ['HELD_BYTES', '-1'],
    ['PROVIDER', 'tpu'],
    ['LAYOUT', 'nhwc'],
  ])('is refused by name: %s=%s', (name, value) => {
    const option = name.toLowerCase().replace(/_(.)/, (_, letter: string) => letter.toUpperCase());
    expect(() => withVariables({ [name]: value })).toThrowError(
      expect.objectContaining({
        code: 'invalid-option',
        message: expect.stringMatching(
          new RegExp(`(TFJS_ONNXRUNTIME_${name}|^${option}) must be .*found '?${value.split(' ')[0]}`),
        ),
      }),
    );
  });
});

it('keeps compiled graphs in the folder for caches', () => {
  vi.stubEnv('XDG_CACHE_HOME', '/caches');
  vi.stubEnv('LOCALAPPDATA', '/caches');
  vi.stubEnv('TFJS_ONNXRUNTIME_DISK_CACHE', undefined);
  expect(defaultOptions().diskCache).toMatch(/tfjs-backend-onnxruntime$/);
});
