import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assignByAuction } from './person-assignment.ts';

/** The best sum, by trying everything. */
function bestSum(
  worth: readonly ReadonlyMap<number, number>[],
  taken: ReadonlySet<number> = new Set(),
): number {
  const [first, ...rest] = worth;
  if (first === undefined) return 0;
  let best = bestSum(rest, taken);
  for (const [object, value] of first) {
    if (!taken.has(object)) best = Math.max(best, value + bestSum(rest, new Set([...taken, object])));
  }
  return best;
}

it('gives no object twice and comes within a hundredth a bidder of the best sum', () => {
  const bids = fc.uniqueArray(fc.tuple(fc.nat({ max: 4 }), fc.integer({ min: 1, max: 20 })), {
    selector: ([object]) => object,
    maxLength: 4,
  });
  fc.assert(
    fc.property(fc.array(bids, { maxLength: 5 }), (all) => {
      const worth = all.map((bid) => new Map(bid));
      const won = assignByAuction(worth);
      const given = [...won].filter((object) => object >= 0);
      expect(new Set(given).size).toBe(given.length);
      const sum = worth.reduce((total, of, bidder) => total + (of.get(won[bidder]!) ?? 0), 0);
      expect(sum).toBeGreaterThanOrEqual(bestSum(worth) - 0.01 * worth.length - 1e-9);
    }),
  );
});
