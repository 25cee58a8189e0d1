/**
 * Several networks that look at every image: their embeddings, each of length one, side by side. The cosine of two such rows is the
 * mean of the networks' cosines, so each has a vote, and what one has learned wrongly the others outvote.
 */
import { TrainingError } from '../training-error.ts';
import { type Embedder, type EmbeddingBackbone, embedderOf } from './embedder.ts';

/**
 * @returns a network whose embedding is as long as all of theirs
 * @throws {TrainingError} `invalid-option` for no network, or for networks that take images of different sizes
 */
export function sideBySide(networks: readonly (EmbeddingBackbone | Embedder)[]): Embedder {
  const embedders = networks.map(embedderOf);
  const [first] = embedders;
  if (first === undefined) throw new TrainingError('invalid-option', 'There is no network to embed with.');
  const { inputShape } = first;
  const other = embedders.find((embedder) => embedder.inputShape.join() !== inputShape.join());
  if (other !== undefined) {
    const [one, another] = [inputShape, other.inputShape].map((shape) => shape.join('x'));
    throw new TrainingError(
      'invalid-option',
      `Networks side by side look at the same images, but one takes ${one} and another ${another}.`,
    );
  }
  const embeddingSize = embedders.reduce((sum, embedder) => sum + embedder.embeddingSize, 0);
  return {
    inputShape,
    embeddingSize,
    batchesAtOnce: Math.max(...embedders.map(({ batchesAtOnce = 1 }) => batchesAtOnce)),
    async embed(pixels, batch) {
      const joined = new Float32Array(batch * embeddingSize);
      let before = 0;
      for (const embedder of embedders) {
        const { embeddingSize: own } = embedder;
        const rows = await embedder.embed(pixels, batch);
        for (let i = 0; i < batch; i++) {
          const row = unit(rows.subarray(i * own, (i + 1) * own));
          joined.set(row, i * embeddingSize + before);
        }
        before += own;
      }
      return joined;
    },
  };
}

/** Of length one; nothing stays nothing. */
function unit(row: Float32Array): Float32Array {
  const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  return norm > 0 ? row.map((value) => value / norm) : row;
}
