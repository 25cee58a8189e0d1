import { expect, it } from 'vitest';
import * as api from './index.ts';

it('exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "OnnxRuntimeBackendError",
      "capture",
      "checkProvider",
      "configure",
      "dumpGraph",
      "flush",
      "profileOperators",
      "statistics",
    ]
  `);
});
