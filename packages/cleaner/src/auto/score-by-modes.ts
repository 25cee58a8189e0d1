import { type EmbeddingRows, embeddingRows } from '../embedding-rows.ts';
import { type Audit, type ScoreInput, SubcenterScorer } from '../score.ts';
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
  const { dimensions } = input;
  const embeddings = embeddingRows(input.embeddings, dimensions);
  const weights = new Float32Array(auto.modes.length * MOST_MODES * dimensions);
  auto.modes.forEach(({ modes }, position) => {
    for (let k = 0; k < MOST_MODES; k++) {
      // Where there are fewer modes the largest is repeated: on a tie an image votes for the first.
      const images = modes[k] ?? modes[0] ?? [];
      weights.set(meanDirection(embeddings, dimensions, images), (position * MOST_MODES + k) * dimensions);
    }
  });
  const scorer = new SubcenterScorer({
    ...input,
    subcenters: { weights, subcenters: MOST_MODES, dimensions, classOrder: 'position' },
    dominant: auto.modes.map(({ dominant }) => dominant),
    trustClassOrder: true,
  });
  for (const block of blocksOf(embeddings, dimensions)) scorer.add(block);
  return { ...scorer.finish(), auto };
}

function meanDirection(
  embeddings: EmbeddingRows,
  dimensions: number,
  images: Iterable<number>,
): Float64Array {
  const sum = new Float64Array(dimensions);
  const row = new Float64Array(dimensions);
  for (const image of images) {
    embeddings.read(image, row);
    normaliseInPlace(row).forEach((v, d) => {
      sum[d]! += v;
    });
  }
  return sum;
}

const BLOCK_ROWS = 1024;

function* blocksOf(embeddings: EmbeddingRows, dimensions: number): Generator<Float64Array> {
  const { rows } = embeddings;
  for (let start = 0; start < rows; start += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, rows - start);
    const block = new Float64Array(count * dimensions);
    for (let i = 0; i < count; i++)
      embeddings.read(start + i, block.subarray(i * dimensions, (i + 1) * dimensions));
    yield block;
  }
}
