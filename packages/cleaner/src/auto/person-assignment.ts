/*
 * Who gets what, so that the sum is largest: Bertsekas's auction. Bidders bid for what is worth most to them at its present price, by as
 * much as they would lose with the next best; every bid raises a price by a little at least, so it ends, with a sum that is short of
 * the best by that little a bidder at most.
 */

/** In images. */
const LEAST_RAISE = 0.01;

/**
 * @param worth What each bidder would get for which object, all positive.
 * @returns The object of each bidder, no object twice; -1 for none.
 */
export function assignByAuction(worth: readonly ReadonlyMap<number, number>[]): Int32Array {
  const won = new Int32Array(worth.length).fill(-1);
  const price = new Map<number, number>();
  const holder = new Map<number, number>();
  const waiting = Array.from(worth.keys()).reverse();
  for (let bidder = waiting.pop(); bidder !== undefined; bidder = waiting.pop()) {
    let best = -1;
    let gain = 0;
    // Going without is worth nothing, and always possible.
    let nextGain = 0;
    for (const [object, value] of worth[bidder]!) {
      const net = value - (price.get(object) ?? 0);
      if (net > gain) {
        nextGain = gain;
        gain = net;
        best = object;
      } else if (net > nextGain) nextGain = net;
    }
    if (best < 0) continue;
    price.set(best, (price.get(best) ?? 0) + gain - nextGain + LEAST_RAISE);
    const before = holder.get(best);
    if (before !== undefined) {
      won[before] = -1;
      waiting.push(before);
    }
    holder.set(best, bidder);
    won[bidder] = best;
  }
  return won;
}
