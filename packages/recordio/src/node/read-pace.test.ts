import { expect, test } from 'vitest';
import { ReadPace } from './read-pace.ts';

/** A clock that only reads move, and a tally of where they were done. */
function pacedReads() {
  let now = 0;
  const pace = new ReadPace(() => now);
  const turns: (() => void)[] = [];
  const read = (milliseconds: number): 'here' | 'elsewhere' => {
    let where: 'here' | 'elsewhere' = 'elsewhere';
    void pace.read(
      () => {
        where = 'here';
        now += milliseconds;
      },
      () => new Promise<void>((resolve) => turns.push(resolve)),
    );
    return where;
  };
  const turn = async (): Promise<void> => {
    for (const resolve of turns.splice(0)) resolve();
    await new Promise((resolve) => setImmediate(resolve));
  };
  const count = (reads: number, milliseconds: number): number =>
    Array.from({ length: reads }, () => read(milliseconds)).filter((where) => where === 'here').length;
  return { read, turn, count, wait: (milliseconds: number) => (now += milliseconds) };
}

test('quick reads are done here, with a turn of the event loop every 10 ms', async () => {
  const { read, turn, count } = pacedReads();
  expect(read(0.005)).toBe('elsewhere');
  expect(count(5, 0.005)).toBe(0); // Until the event loop has had its turn.
  await turn();
  expect(count(2000, 0.005)).toBe(2000);
  expect(count(5, 0.005)).toBeLessThan(5);
  await turn();
  expect(count(1000, 0.005)).toBe(1000);
});

test('slow reads are done elsewhere, but for a try now and then', async () => {
  const { turn, count } = pacedReads();
  count(1, 1);
  await turn();
  let here = 0;
  for (let reads = 0; reads < 10_000; reads++) {
    here += count(1, 1);
    await turn();
  }
  expect(here).toBeGreaterThan(10);
  expect(here).toBeLessThan(100);
});

test('a slow read among quick ones does not matter much', async () => {
  const { turn, count } = pacedReads();
  count(1, 1);
  await turn();
  expect(count(1, 1)).toBe(1);
  expect(count(100, 0.005)).toBe(96);
});

test('what a read throws is passed on', async () => {
  const pace = new ReadPace(() => 0);
  const fail = () => {
    throw new Error('no disk');
  };
  await expect(pace.read(fail, async () => fail())).rejects.toThrow('no disk');
  expect(() => pace.read(fail, async () => fail())).toThrow('no disk');
});
