/**
 * Initial sub-centres: Normal(0, .01), as the reference starts them. Drawn on the host by a small seeded generator (sfc32
 * and the Box-Muller transform), so that a seed gives the same head on every backend.
 */
import { mixedSeed, seededUniform } from './seeded-uniform.ts';

/** Standard deviation of the initial weights, the reference's. */
const INITIAL_DEVIATION = 0.01;

/** @returns `length` draws from Normal(0, deviation), the same for the same seed everywhere. */
export function normalWeights(
  length: number,
  seed: number,
  deviation: number = INITIAL_DEVIATION,
): Float32Array {
  const uniform = seededUniform(seed);
  const weights = new Float32Array(length);
  for (let i = 0; i < length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    weights[i] = radius * Math.cos(angle);
    if (i + 1 < length) weights[i + 1] = radius * Math.sin(angle);
  }
  return weights;
}

/**
 * What a `SubcenterHead` of that seed starts with, for some of its classes: a part of `normalWeights` without the rest in memory.
 *
 * @param perClass numbers of a class: K * D. @returns `classes * perClass` numbers, class-major.
 */
export function initialSubcenters(
  { first, classes }: { readonly first: number; readonly classes: number },
  { perClass, seed = 0 }: { readonly perClass: number; readonly seed?: number | undefined },
): Float32Array {
  const uniform = seededUniform(seed);
  const begin = first * perClass;
  const weights = new Float32Array(classes * perClass);
  // They are drawn in pairs.
  for (let i = 0; i < begin + weights.length; i += 2) {
    const [a, b] = [uniform(), uniform()];
    if (i + 1 < begin) continue;
    const radius = INITIAL_DEVIATION * Math.sqrt(-2 * Math.log(1 - a));
    const angle = 2 * Math.PI * b;
    if (i >= begin) weights[i - begin] = radius * Math.cos(angle);
    if (i + 1 < begin + weights.length) weights[i + 1 - begin] = radius * Math.sin(angle);
  }
  return weights;
}

/**
 * Draws for a block of classes out of many: each class is drawn from a seed of its own, so that how classes are divided
 * into chunks and over ranks does not change them.
 *
 * @returns `classes * perClass` draws.
 */
export function normalWeightsOfClasses(
  { first, classes }: { first: number; classes: number },
  perClass: number,
  seed: number,
): Float32Array {
  const weights = new Float32Array(classes * perClass);
  for (let c = 0; c < classes; c++) {
    weights.set(normalWeights(perClass, mixedSeed(seed, first + c)), c * perClass);
  }
  return weights;
}
