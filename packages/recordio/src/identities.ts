/** From labels to identities, and what a label may be. */
import { RecordIOError } from './errors.ts';
import type { FaceIdentity } from './face-dataset.ts';

/** Names of identities by label, where a dataset has names. */
export type IdentityNames = ReadonlyMap<number, string>;

/** Groups images by label. Identities come in ascending order of their labels, which may have gaps. */
export function identitiesFromLabels(labels: ArrayLike<number>, names?: IdentityNames): FaceIdentity[] {
  const counts = new Map<number, number>();
  for (let i = 0; i < labels.length; i++) {
    counts.set(labels[i]!, (counts.get(labels[i]!) ?? 0) + 1);
  }
  const groups = new Map<number, { images: Int32Array; filled: number }>();
  for (const label of [...counts.keys()].sort((a, b) => a - b)) {
    groups.set(label, { images: new Int32Array(counts.get(label)!), filled: 0 });
  }
  for (let i = 0; i < labels.length; i++) {
    const group = groups.get(labels[i]!)!;
    group.images[group.filled++] = i;
  }
  return Array.from(groups, ([label, { images }]) => ({ label, name: names?.get(label), images }));
}

/** Gives a stored label as an identity's label, or throws `bad-label`: a whole number from 0 to 2^31 - 1. */
export function checkedLabel(
  label: number,
  place: { offset?: number; key?: number | string; path?: string },
): number {
  if (!Number.isInteger(label) || label < 0 || label > 0x7fffffff) {
    const key = place.key === undefined ? 'An image' : `Image ${place.key}`;
    throw new RecordIOError(
      'bad-label',
      `${key} has label ${label}; an identity is a whole number from 0 on`,
      place,
    );
  }
  return label;
}
