/**
 * From a dataset to its audit: embeds every image and scores it against the sub-centres of its identity. Images that
 * cannot be decoded do not vote; they are dropped, and their row says so.
 */
import type { Backbone } from '@arcface/backbones';
import {
  type Audit,
  type AuditRow,
  auditRow,
  type Decision,
  type SubcenterWeights,
  score,
  scoreByModes,
  withAutoScores,
} from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';
import { embedImages, type UndecodableImage } from '@arcface/trainer';
import type { CommandContext } from './cli/define-command.ts';
import { reportUndecodable } from './data.ts';
import { sharpDecoder } from './decode.ts';

export interface DatasetAudit {
  readonly dataset: FaceDataset;
  /** Of the images that can be decoded; its image `i` is at `positions[i]` of the dataset. */
  readonly audit: Audit;
  readonly positions: Int32Array;
  readonly undecodable: readonly UndecodableImage[];
}

export interface AuditDatasetOptions {
  readonly dataset: FaceDataset;
  readonly backbone: Backbone;
  /** Without them the automatic rule's own groups of look-alikes stand in; `auto` must be set then. */
  readonly subcenters: SubcenterWeights | undefined;
  readonly batchSize: number;
  /** Adds the probabilities of the automatic rule. */
  readonly auto: boolean;
  /** The order of the classes was stated by the user, not assumed. */
  readonly trustClassOrder: boolean;
}

export async function auditDataset(
  options: AuditDatasetOptions,
  context: CommandContext,
): Promise<DatasetAudit> {
  const { dataset, backbone, subcenters, batchSize, auto, trustClassOrder } = options;
  const progress = context.console.progress('embedding', { total: dataset.length, unit: 'images' });
  const { embeddings, dimensions, failed } = await embedImages({
    backbone,
    dataset,
    decoder: sharpDecoder,
    batchSize,
    signal: context.signal,
    onProgress: ({ done, imagesPerSecond }) => progress.update(done, { rate: imagesPerSecond }),
  });
  progress.stop();
  reportUndecodable(failed, context, 'are dropped');

  const gone = new Set(failed.map(({ position }) => position));
  const positions = Int32Array.from({ length: dataset.length }, (_, i) => i).filter((i) => !gone.has(i));
  const imageAt = new Int32Array(dataset.length).fill(-1);
  positions.forEach((position, image) => {
    imageAt[position] = image;
  });
  const rows = new Float32Array(positions.length * dimensions);
  positions.forEach((position, image) => {
    rows.set(embeddings.subarray(position * dimensions, (position + 1) * dimensions), image * dimensions);
  });
  // Identities keep their positions, also those that are left without an image: positions name classes.
  const identities = dataset.identities.map(({ label, name, images }) => ({
    label,
    name,
    images: images.map((position) => imageAt[position]!).filter((image) => image >= 0),
  }));
  const input = {
    embeddings: rows,
    dimensions,
    labels: positions.map((position) => dataset.labels[position]!),
    identities,
    key: (image: number) => dataset.key(positions[image]!),
  };
  return { dataset, audit: scored(), positions, undecodable: failed };

  function scored(): Audit {
    if (subcenters === undefined) return scoreByModes(input);
    const audit = score({ ...input, subcenters, trustClassOrder });
    return auto ? withAutoScores(audit, input) : audit;
  }
}

/** A row of an image that could not be judged. */
export interface UndecodableRow {
  readonly key: number | string;
  readonly label: number;
  readonly subcenter: null;
  readonly dominant: null;
  readonly angle: null;
  readonly angleNearest: null;
  readonly decision: 'drop';
  readonly rule: 'undecodable';
}

/** One row for every image of the dataset, in data order. */
export function* datasetAuditRows(
  { dataset, audit, positions }: DatasetAudit,
  decision: Decision,
): Generator<AuditRow | UndecodableRow> {
  let image = 0;
  for (let position = 0; position < dataset.length; position++) {
    if (positions[image] === position) {
      yield auditRow(audit, decision, image++);
    } else {
      const [subcenter, dominant, angle, angleNearest] = [null, null, null, null];
      const [key, label] = [dataset.key(position), dataset.labels[position]!];
      yield { key, label, subcenter, dominant, angle, angleNearest, decision: 'drop', rule: 'undecodable' };
    }
  }
}
