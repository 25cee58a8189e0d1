import { expect, test } from 'vitest';
import * as api from './index.ts';

test('exports of @arcface/mpi', () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "MpiError",
      "isUnderMpi",
      "mpiCommunicator",
    ]
  `);
});
