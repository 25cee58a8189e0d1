/**
 * Datasets made of other datasets without copying an image: a decision about a dataset stays such a view until it is
 * written. Closing a view closes what it views.
 */
import { checkedPosition, type FaceDataset, type FaceIdentity } from './face-dataset.ts';
import { checkedLabel, type IdentityNames, identitiesFromLabels } from './identities.ts';

/**
 * The images at some positions, in that order. Labels stay as they are; identities keep their order, and those that
 * lose every image are gone. A permutation of all positions is a shuffle; a position given twice is an image twice.
 *
 * @throws RangeError if a position is not in the dataset
 */
export function filterDataset(dataset: FaceDataset, positions: Iterable<number>): FaceDataset {
  const kept = Int32Array.from(positions, (position) => checkedPosition(position, dataset.length));
  return view(
    dataset,
    kept,
    kept.map((position) => dataset.labels[position]!),
    regroup(dataset, kept),
  );
}

/**
 * The same images with other labels, one for each position. Identities are in ascending order of the new labels; labels
 * that were there before keep their names, unless `names` are given.
 *
 * @throws RangeError if there are not as many labels as images
 * @throws RecordIOError `bad-label` for one that is not a whole number from 0 on
 */
export function relabelDataset(
  dataset: FaceDataset,
  labels: ArrayLike<number>,
  options: { names?: IdentityNames } = {},
): FaceDataset {
  if (labels.length !== dataset.length) {
    throw new RangeError(`Expected ${dataset.length} labels, one an image, found ${labels.length}`);
  }
  const checked = Int32Array.from(labels, (label, position) =>
    checkedLabel(label, { key: dataset.key(position) }),
  );
  const names = options.names ?? namesOf(dataset);
  return view(dataset, undefined, checked, identitiesFromLabels(checked, names));
}

/** Names of a dataset's identities by label. */
export function namesOf(dataset: FaceDataset): IdentityNames {
  return new Map(
    dataset.identities.flatMap(({ label, name }) => (name === undefined ? [] : [[label, name]])),
  );
}

/** Numbers the labels 0 to n - 1 in the order of the identities, as drop.py does with those that are left. */
export function compactLabels(dataset: FaceDataset): FaceDataset {
  const labels = new Int32Array(dataset.length);
  const identities = dataset.identities.map(({ name, images }, label): FaceIdentity => {
    for (const position of images) {
      labels[position] = label;
    }
    return { label, name, images };
  });
  return view(dataset, undefined, labels, identities);
}

/**
 * The images of each identity together, in the order of the identities: what the InsightFace layout needs to be written.
 * Within an identity they keep their order.
 */
export function groupByIdentity(dataset: FaceDataset): FaceDataset {
  return filterDataset(
    dataset,
    dataset.identities.flatMap(({ images }) => [...images]),
  );
}

function regroup(dataset: FaceDataset, kept: Int32Array): FaceIdentity[] {
  const identityOf = new Int32Array(dataset.length).fill(-1);
  dataset.identities.forEach(({ images }, identity) => {
    for (const position of images) {
      identityOf[position] = identity;
    }
  });
  const groups = dataset.identities.map((): number[] => []);
  kept.forEach((position, newPosition) => {
    groups[identityOf[position]!]?.push(newPosition);
  });
  return dataset.identities.flatMap(({ label, name }, identity) => {
    const images = groups[identity]!;
    return images.length === 0 ? [] : [{ label, name, images: Int32Array.from(images) }];
  });
}

function view(
  dataset: FaceDataset,
  positions: Int32Array | undefined,
  labels: Int32Array,
  identities: readonly FaceIdentity[],
): FaceDataset {
  const positionOf = (position: number): number => {
    const checked = checkedPosition(position, labels.length);
    return positions === undefined ? checked : positions[checked]!;
  };
  return {
    length: labels.length,
    labels,
    identities,
    key: (position) => dataset.key(positionOf(position)),
    async read(position, options) {
      const record = await dataset.read(positionOf(position), options);
      return { ...record, label: labels[position]! };
    },
    close: () => dataset.close(),
  };
}
