import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prefetch } from './prefetch.ts';

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test('yields in order, within both bounds, whatever finishes first', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 25 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      async (delays, ahead, concurrency) => {
        let running = 0;
        let started = 0;
        let taken = 0;
        const results: number[] = [];
        const task = async (index: number) => {
          started++;
          expect(++running).toBeLessThanOrEqual(concurrency);
          expect(started - taken).toBeLessThanOrEqual(ahead + 1);
          await pause(delays[index]!);
          running--;
          return index;
        };
        for await (const result of prefetch(task, { ahead, concurrency, to: delays.length })) {
          results.push(result);
          taken++;
        }
        expect(results).toEqual([...delays.keys()]);
      },
    ),
    { numRuns: 25 },
  );
});

test('a failure comes up in its turn, after what was before it', async () => {
  const results: number[] = [];
  const task = async (index: number) => {
    if (index === 3) throw new Error('task 3');
    await pause(3 - index);
    return index;
  };
  const consume = async () => {
    for await (const result of prefetch(task, { ahead: 5, concurrency: 5, from: 1 })) results.push(result);
  };
  await expect(consume()).rejects.toThrow('task 3');
  expect(results).toEqual([1, 2]);
});

test('when the consumer stops, what runs is waited for and nothing else is started', async () => {
  let running = 0;
  let started = 0;
  const task = async () => {
    started++;
    running++;
    await pause(5);
    running--;
  };
  for await (const _ of prefetch(task, { ahead: 10, concurrency: 2 })) break;
  expect(running).toBe(0);
  const before = started;
  await pause(15);
  expect(started).toBe(before);
  expect(started).toBeLessThanOrEqual(4);
});
