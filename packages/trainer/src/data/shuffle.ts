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
