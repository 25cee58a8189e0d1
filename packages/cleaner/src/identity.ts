import { CleanerError } from './cleaner-error.ts';

/**
 * One person: a label, and the images that are said to show that person. The same shape as `FaceIdentity` of
 * `@arcface/recordio`, so that a dataset's identities can be passed as they are.
 */
export interface Identity {
  readonly label: number;
  readonly name?: string | undefined;
  /** Positions of this identity's images in the data. */
  readonly images: Int32Array;
}

/**
 * Groups images by label, labels ascending, images in data order.
 *
 * @throws {CleanerError} `invalid-label` for a negative or fractional label.
 */
export function identitiesFromLabels(labels: ArrayLike<number>): Identity[] {
  const images = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0) {
      throw new CleanerError('invalid-label', `label ${label} of image ${i} is not a whole number from 0 up`);
    }
    const group = images.get(label);
    if (group) group.push(i);
    else images.set(label, [i]);
  }
  return [...images]
    .sort(([a], [b]) => a - b)
    .map(([label, group]) => ({ label, images: Int32Array.from(group) }));
}

/**
 * The identity that each image belongs to, as a position in `identities`.
 *
 * @throws {CleanerError} `identity-mismatch` when an image is listed twice, by nobody, or under another label than its own.
 */
export function identityOfImages(labels: Int32Array, identities: readonly Identity[]): Int32Array {
  const owner = new Int32Array(labels.length).fill(-1);
  const seen = new Map<number, number>();
  identities.forEach(({ label, images }, position) => {
    const before = seen.get(label);
    if (before !== undefined) {
      throw new CleanerError(
        'identity-mismatch',
        `identities ${before} and ${position} both have label ${label}`,
      );
    }
    seen.set(label, position);
    for (const image of images) {
      if (!(image >= 0 && image < labels.length)) {
        throw new CleanerError(
          'identity-mismatch',
          `identity ${position} (label ${label}) lists image ${image}, but there are ${labels.length} images`,
        );
      }
      if (owner[image] !== -1) {
        throw new CleanerError(
          'identity-mismatch',
          `image ${image} is listed by identity ${owner[image]} and by identity ${position}`,
        );
      }
      if (labels[image] !== label) {
        throw new CleanerError(
          'identity-mismatch',
          `image ${image} has label ${labels[image]} but is listed by identity ${position}, which has label ${label}`,
        );
      }
      owner[image] = position;
    }
  });
  const orphan = owner.indexOf(-1);
  if (orphan !== -1) {
    throw new CleanerError(
      'identity-mismatch',
      `image ${orphan} (label ${labels[orphan]}) belongs to no identity`,
    );
  }
  return owner;
}
