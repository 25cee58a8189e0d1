/**
 * A chunk: the sub-centres of neighbouring classes, with their momentum, as two variables. A large head is a list of chunks,
 * so that no copy of all its sub-centres is ever made: each is read, updated and replaced by itself.
 */
import * as tf from '@tensorflow/tfjs-core';

export interface ClassRange {
  /** The first class. */
  readonly first: number;
  /** How many. */
  readonly classes: number;
}

/** The classes that a rank owns: blocks as even as they can be, none padded. */
export function rankBlock(classes: number, { rank, size }: { rank: number; size: number }): ClassRange {
  const first = Math.floor((rank * classes) / size);
  return { first, classes: Math.floor(((rank + 1) * classes) / size) - first };
}

/** A block cut into chunks of at most `most` classes, as even as they can be. */
export function chunkRanges({ first, classes }: ClassRange, most: number): ClassRange[] {
  const size = Math.ceil(classes / most);
  return Array.from({ length: size }, (_, rank) => {
    const chunk = rankBlock(classes, { rank, size });
    return { first: first + chunk.first, classes: chunk.classes };
  });
}

/** The classes of a chunk that take part in one step: all, or a sample. */
export interface ChunkSelection {
  /** Their positions in the chunk, ascending; absent where all take part. */
  readonly positions: Int32Array | undefined;
  /** For each image of the batch the position of its class among them, -1 where it is not there. */
  readonly labels: Int32Array;
  /** How many classes take part. */
  readonly classes: number;
}

export class ClassChunk implements ClassRange {
  readonly first: number;
  readonly classes: number;
  /** [classes * K, D] float32, class-major. */
  readonly weights: tf.Variable<tf.Rank.R2>;
  #momentum: tf.Variable<tf.Rank.R2> | undefined;

  constructor({ first, classes }: ClassRange, subcenters: number, dimensions: number) {
    this.first = first;
    this.classes = classes;
    this.weights = zeros([classes * subcenters, dimensions], true);
  }

  /** Of the same shape; zero at first. There is none until it is asked for. */
  get momentum(): tf.Variable<tf.Rank.R2> {
    this.#momentum ??= zeros(this.weights.shape, false);
    return this.#momentum;
  }

  /** Replaces the weights by `values`, row after row. */
  importWeights(values: Float32Array): void {
    tf.tidy(() => this.weights.assign(tf.tensor2d(values, this.weights.shape)));
  }

  /** The labels of the batch as positions in this chunk: -1 where the class is in another. */
  localLabels(labels: Int32Array): Int32Array {
    const { first, classes } = this;
    return labels.map((label) => (label >= first && label < first + classes ? label - first : -1));
  }

  /** The rows of a variable of this chunk that take part: [selected * K, D]. */
  rows(variable: tf.Variable<tf.Rank.R2>, { positions, classes }: ChunkSelection): tf.Tensor2D {
    if (!positions) return variable;
    const [rows, dimensions] = variable.shape;
    const perClass = rows / this.classes;
    const byClass = tf.reshape(variable, [this.classes, perClass * dimensions]);
    return tf.reshape(tf.gather(byClass, tf.tensor1d(positions)), [classes * perClass, dimensions]);
  }

  /** Replaces those rows; all others stay as they are. */
  assignRows(
    variable: tf.Variable<tf.Rank.R2>,
    { positions, classes }: ChunkSelection,
    rows: tf.Tensor2D,
  ): void {
    if (!positions) {
      variable.assign(rows);
      return;
    }
    const perClass = variable.size / this.classes;
    const updated = tf.tensorScatterUpdate(
      tf.reshape(variable, [this.classes, perClass]),
      tf.tensor2d(positions, [classes, 1]),
      tf.reshape(rows, [classes, perClass]),
    );
    variable.assign(tf.reshape(updated, variable.shape));
  }

  dispose(): void {
    this.weights.dispose();
    this.#momentum?.dispose();
  }
}

/** Concrete ones, so that a lazy backend sees the same graph in the first step as in all others. */
function zeros(shape: [number, number], trainable: boolean): tf.Variable<tf.Rank.R2> {
  return tf.tidy(() => tf.variable(tf.tensor2d(new Float32Array(shape[0] * shape[1]), shape), trainable));
}
