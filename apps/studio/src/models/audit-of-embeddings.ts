/** Embeddings to an audit by the automatic rule: what `arcface audit --rule auto` does, in the columns that the studio works on. */
import {
  type AuditColumns,
  AuditColumnsBuilder,
  auditRow,
  decide,
  scoreByModes,
  undecodableRow,
} from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';

export interface DatasetEmbeddings {
  /** [N, D], row after row, in data order. */
  readonly embeddings: Float32Array;
  readonly dimensions: number;
  /** Positions of images that could not be decoded; their rows say nothing. */
  readonly failed: ReadonlySet<number>;
}

/** @throws {CleanerError} when there is nothing to judge, such as fewer than two identities */
export function auditOfEmbeddings(
  dataset: Pick<FaceDataset, 'length' | 'labels' | 'identities' | 'key'>,
  { embeddings, dimensions, failed }: DatasetEmbeddings,
): AuditColumns {
  const positions = Array.from(dataset.labels.keys()).filter((position) => !failed.has(position));
  const imageAt = new Map(positions.map((position, image) => [position, image]));
  const rows = new Float32Array(positions.length * dimensions);
  positions.forEach((position, image) => {
    rows.set(embeddings.subarray(position * dimensions, (position + 1) * dimensions), image * dimensions);
  });
  const audit = scoreByModes({
    embeddings: rows,
    dimensions,
    labels: Int32Array.from(positions, (position) => dataset.labels[position]!),
    identities: dataset.identities.map(({ label, name, images }) => ({
      label,
      name,
      images: Int32Array.from(images)
        .filter((position) => !failed.has(position))
        .map((position) => imageAt.get(position)!),
    })),
    key: (image) => dataset.key(positions[image]!),
  });
  const decision = decide(audit, { kind: 'auto' });
  const builder = new AuditColumnsBuilder();
  for (let position = 0; position < dataset.length; position++) {
    const image = imageAt.get(position);
    if (image !== undefined) builder.add(auditRow(audit, decision, image));
    else builder.add(undecodableRow(dataset.key(position), dataset.labels[position]!));
  }
  return builder.finish();
}
