import { expect, test } from 'vitest';
import { initialSubcenters, normalWeights } from './normal-weights.ts';

test.each([1, 2, 3, 5])(
  'the first sub-centres of a block are those of the whole, %i numbers a class',
  (perClass) => {
    const whole = normalWeights(7 * perClass, 9);
    for (let first = 0; first < 7; first++) {
      for (let classes = 0; classes <= 7 - first; classes++) {
        const block = initialSubcenters({ first, classes }, { perClass, seed: 9 });
        expect(block).toEqual(whole.subarray(first * perClass, (first + classes) * perClass));
      }
    }
  },
);
