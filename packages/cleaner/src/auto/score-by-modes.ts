import { type Audit, type ScoreInput, score } from '../score.ts';
import { type AutoInput, type AutoOptions, type AutoScores, autoScores } from './auto-scores.ts';
import { MOST_MODES } from './class-modes.ts';
import { normaliseInPlace } from './face-groups.ts';

/*
 * Audits that the automatic rule can decide on: with trained sub-centres, or with none.
 */

/**
 * Adds the automatic rule's scores to an audit against trained sub-centres.
 *
 * @throws {CleanerError} As `autoScores`.
 */
export function withAutoScores(
  audit: Audit,
  input: Pick<AutoInput, 'embeddings' | 'dimensions'>,
  options?: AutoOptions,
): Audit & { readonly auto: AutoScores } {
  const { labels, identities } = audit;
  return { ...audit, auto: autoScores({ ...input, labels, identities }, options) };
}

export interface ScoreByModesInput extends AutoInput, Pick<ScoreInput, 'key'> {}

/**
 * An audit without trained sub-centres: the modes of each identity (groups of look-alikes, at most four) stand in for them, the one
 * that is taken for the identity is dominant. Angles are then to the mean of a mode, which contains the image itself.
 *
 * @throws {CleanerError} As `autoScores`.
 */
export function scoreByModes(
  input: ScoreByModesInput,
  options?: AutoOptions,
): Audit & { readonly auto: AutoScores } {
  const auto = autoScores(input, options);
  const { embeddings, dimensions } = input;
  const weights = new Float32Array(auto.modes.length * MOST_MODES * dimensions);
  auto.modes.forEach(({ modes }, position) => {
    for (let k = 0; k < MOST_MODES; k++) {
      // Where there are fewer modes the largest is repeated: on a tie an image votes for the first.
      const images = modes[k] ?? modes[0] ?? [];
      weights.set(meanDirection(embeddings, dimensions, images), (position * MOST_MODES + k) * dimensions);
    }
  });
  const audit = score({
    ...input,
    subcenters: { weights, subcenters: MOST_MODES, dimensions, classOrder: 'position' },
    dominant: auto.modes.map(({ dominant }) => dominant),
    trustClassOrder: true,
  });
  return { ...audit, auto };
}

function meanDirection(
  embeddings: Float32Array | Float64Array,
  dimensions: number,
  images: Iterable<number>,
): Float64Array {
  const sum = new Float64Array(dimensions);
  for (const image of images) {
    const row = Float64Array.from(embeddings.subarray(image * dimensions, (image + 1) * dimensions));
    normaliseInPlace(row).forEach((v, d) => {
      sum[d]! += v;
    });
  }
  return sum;
}
