import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shuffledOrder } from './data/shuffle.ts';
import { Random } from './random.ts';

describe('Random', () => {
  test('follows sfc32 as published (recurrence in 64-bit integers)', () => {
    const random = Random.fromState([1, 2, 3, 4]);
    let [a, b, c, counter] = [1n, 2n, 3n, 4n];
    const mask = 0xffffffffn;
    for (let i = 0; i < 100; i++) {
      const expected = (a! + b! + counter!) & mask;
      counter = (counter! + 1n) & mask;
      a = b! ^ (b! >> 9n);
      b = (c! + (c! << 3n)) & mask;
      c = ((((c! << 21n) | (c! >> 11n)) & mask) + expected) & mask;
      expect(random.uint32()).toBe(Number(expected));
    }
  });

  test('a path always gives the same numbers, and other paths give others', () => {
    const draw = (...path: (number | string)[]) =>
      Array.from(
        { length: 4 },
        (
          (r) => () =>
            r.uint32()
        )(Random.of(1, ...path)),
      );
    expect(draw('a', 1)).toEqual(draw('a', 1));
    const others = [
      draw('a', 1),
      draw('a', 2),
      draw('b', 1),
      draw('a', 11),
      draw('a1', 1),
      draw('a', '1', 1),
    ];
    expect(new Set(others.map(String)).size).toBe(others.length);
  });

  test('goes on from a state that went through JSON', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(50), (seed, done) => {
        const random = Random.of(seed);
        for (let i = 0; i < done; i++) random.float();
        const copy = Random.fromState(JSON.parse(JSON.stringify(random.state)));
        expect(copy.uint32()).toBe(random.uint32());
      }),
    );
  });

  test('integers are even (chi-square of 7 bins, far beyond chance)', () => {
    const random = Random.of(5);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[random.integer(7)]!++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(22.5);
    expect(() => random.integer(0)).toThrow(RangeError);
  });
});

describe('shuffledOrder', () => {
  test('is a permutation that depends on seed and epoch', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.integer(), fc.nat(1000), (length, seed, epoch) => {
        const order = shuffledOrder(length, { seed, epoch });
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
        expect(shuffledOrder(length, { seed, epoch })).toEqual(order);
      }),
    );
    expect(shuffledOrder(50, { seed: 1, epoch: 0 })).not.toEqual(shuffledOrder(50, { seed: 1, epoch: 1 }));
    expect(shuffledOrder(50, { seed: 1, epoch: 0 })).not.toEqual(shuffledOrder(50, { seed: 2, epoch: 0 }));
  });
});
