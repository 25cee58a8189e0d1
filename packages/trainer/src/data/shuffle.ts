/**
 * The order in which an epoch visits the images. It depends on the seed and the epoch's number only, so a run that is
 * resumed in the middle of epoch 7 finds the same order again without having drawn those of epochs 0 to 6.
 */
import { Random } from '../random.ts';

/**
 * A permutation of 0..length-1 (Fisher-Yates) for one epoch.
 *
 * @param options.seed the run's seed
 * @param options.epoch the epoch's number, from 0
 */
export function shuffledOrder(length: number, options: { seed: number; epoch: number }): Uint32Array {
  const order = Uint32Array.from({ length }, (_, i) => i);
  const random = Random.of(options.seed, 'order', options.epoch);
  for (let i = length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}

/**
 * A permutation in which images of one identity stand in groups, each a run of the given length: every identity's images are cut into
 * groups at random, and the groups are shuffled, so that neighbours are of different identities wherever that can be. Groups that are
 * left over are smaller.
 *
 * @param labels of the images, in data order
 */
export function groupedOrder(
  labels: ArrayLike<number>,
  options: { readonly seed: number; readonly epoch: number; readonly imagesTogether: number },
): Uint32Array {
  const groups: number[][] = [];
  const open = new Map<number, number[]>();
  for (const image of shuffledOrder(labels.length, options)) {
    const label = labels[image]!;
    const group = open.get(label) ?? [];
    if (group.length === 0) groups.push(group);
    group.push(image);
    open.set(label, group.length < options.imagesTogether ? group : []);
  }
  const random = Random.of(options.seed, 'groups', options.epoch);
  for (let i = groups.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [groups[i], groups[j]] = [groups[j]!, groups[i]!];
  }
  const labelOf = (group: number): number => labels[groups[group]![0]!]!;
  let next = 0;
  for (let i = 1; i < groups.length; i++) {
    if (labelOf(i) !== labelOf(i - 1)) continue;
    // The next one behind it that differs; what has been passed over is all of this identity.
    next = Math.max(next, i + 1);
    while (next < groups.length && labelOf(next) === labelOf(i)) next++;
    if (next === groups.length) break;
    [groups[i], groups[next]] = [groups[next]!, groups[i]!];
  }
  return Uint32Array.from(groups.flat());
}
