import { expect, test } from 'vitest';
import * as api from './index.ts';

test('exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "decodeFaces",
      "defineConfig",
      "runCommandLine",
      "sharpDecoder",
    ]
  `);
});
