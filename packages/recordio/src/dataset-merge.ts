/** Several datasets seen as one. */
import { checkedPosition, type FaceDataset, type FaceIdentity } from './face-dataset.ts';
import { type IdentityNames, identitiesFromLabels } from './identities.ts';

/** Options of {@link mergeDatasets}. */
export interface MergeOptions {
  /**
   * Which identities of different datasets are the same person. `'apart'` (default): none, labels are numbered anew,
   * one dataset's identities after another's. `'by-label'`: those with the same label, labels stay. `'by-name'`: those
   * with the same name, labels are numbered anew in order of first appearance; identities without a name stay apart.
   */
  readonly identities?: 'apart' | 'by-label' | 'by-name' | undefined;
}

/**
 * Several datasets as one, the images of one after those of another, without copying any. A key is `"0/<key>"` for the
 * first dataset, `"1/<key>"` for the second and so on. Closing the result closes them all.
 */
export function mergeDatasets(datasets: readonly FaceDataset[], options: MergeOptions = {}): FaceDataset {
  const { labels, names } = mergedLabels(datasets, options.identities ?? 'apart');
  const starts: number[] = [];
  let length = 0;
  for (const dataset of datasets) {
    starts.push(length);
    length += dataset.length;
  }
  const locate = (position: number): { part: number; inner: number } => {
    checkedPosition(position, length);
    // Empty datasets start where the next one does; the last that starts at or before the position has it.
    const part = starts.findLastIndex((start) => start <= position);
    return { part, inner: position - starts[part]! };
  };
  const key = (position: number): string => {
    const { part, inner } = locate(position);
    return `${part}/${datasets[part]!.key(inner)}`;
  };
  return {
    length,
    labels,
    identities: identitiesFromLabels(labels, names),
    key,
    async read(position, readOptions) {
      const { part, inner } = locate(position);
      const { bytes } = await datasets[part]!.read(inner, readOptions);
      return { key: key(position), label: labels[position]!, bytes };
    },
    async close() {
      await Promise.all(datasets.map((dataset) => dataset.close()));
    },
  };
}

function mergedLabels(
  datasets: readonly FaceDataset[],
  identities: 'apart' | 'by-label' | 'by-name',
): { labels: Int32Array; names: IdentityNames } {
  const labels = new Int32Array(datasets.reduce((sum, { length }) => sum + length, 0));
  const names = new Map<number, string>();
  const labelOfName = new Map<string, number>();
  let nextLabel = 0;
  let start = 0;
  const newLabel = ({ label, name }: FaceIdentity): number => {
    if (identities === 'by-label') {
      return label;
    }
    if (identities === 'apart' || name === undefined) {
      return nextLabel++;
    }
    const known = labelOfName.get(name) ?? nextLabel++;
    labelOfName.set(name, known);
    return known;
  };
  for (const dataset of datasets) {
    for (const identity of dataset.identities) {
      const label = newLabel(identity);
      if (identity.name !== undefined && !names.has(label)) {
        names.set(label, identity.name);
      }
      for (const position of identity.images) {
        labels[start + position] = label;
      }
    }
    start += dataset.length;
  }
  return { labels, names };
}
