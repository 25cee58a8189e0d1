/**
 * Partial FC: only a sample of the classes takes part in a step. The classes of the batch always do; of the others so many
 * that the sample is the asked share of the chunk. The softmax, the gradient and the update are those of a head that has only
 * these classes; the others stay as they are, without decay. With a rate of 1 it is the full loss.
 *
 * Source: An et al., "Killing Two Birds with One Stone: Efficient and Robust Training of Face Recognition CNNs by Partial FC",
 * CVPR 2022. Sampling chunk by chunk is what that does rank by rank.
 */
import type { ChunkSelection } from './class-chunk.ts';
import { seededUniform } from './seeded-uniform.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

export interface ClassSampling {
  /** Share of the classes that take part, above 0, up to 1. */
  readonly rate: number;
  /** Default 0. */
  readonly seed?: number;
}

/** @throws {SubcenterLossError} `invalid-option`. */
export function checkSampling({ rate }: ClassSampling): void {
  if (!(rate > 0 && rate <= 1)) {
    throw new SubcenterLossError(
      'invalid-option',
      `sampling.rate must be above 0 and at most 1, found ${rate}`,
    );
  }
}

/** Every class of a chunk. @param labels Positions in the chunk, -1 for images of other chunks. */
export function allClasses(labels: Int32Array, classes: number): ChunkSelection {
  return { positions: undefined, labels, classes };
}

/**
 * The classes of the batch and a uniform sample of the others. The size of the sample is the same in every step (unless the
 * batch alone has more classes), so that a traced graph can be used again.
 *
 * @param labels Positions in the chunk, -1 for images of other chunks.
 */
export function sampleClasses(
  labels: Int32Array,
  classes: number,
  rate: number,
  seed: number,
): ChunkSelection {
  const wanted = Math.max(1, Math.round(rate * classes));
  if (wanted === classes) return allClasses(labels, classes);
  const takesPart = new Uint8Array(classes);
  for (const label of labels) if (label >= 0) takesPart[label] = 1;
  const positives = takesPart.reduce((sum, is) => sum + is, 0);

  // Of the others: a partial Fisher-Yates shuffle.
  const others = new Int32Array(classes - positives);
  for (let c = 0, i = 0; c < classes; c++) if (!takesPart[c]) others[i++] = c;
  const drawn = Math.max(0, wanted - positives);
  const uniform = seededUniform(seed);
  for (let i = 0; i < drawn; i++) {
    const j = i + Math.floor(uniform() * (others.length - i));
    [others[i], others[j]] = [others[j]!, others[i]!];
    takesPart[others[i]!] = 1;
  }

  const positions = new Int32Array(positives + drawn);
  const positionOf = new Int32Array(classes).fill(-1);
  for (let c = 0, i = 0; c < classes; c++) {
    if (!takesPart[c]) continue;
    positionOf[c] = i;
    positions[i++] = c;
  }
  return {
    positions,
    labels: labels.map((label) => (label < 0 ? -1 : positionOf[label]!)),
    classes: positions.length,
  };
}
