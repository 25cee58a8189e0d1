/**
 * From a dataset to its audit: embeds every image (or finds it embedded) and scores it against its identity. Images that
 * cannot be decoded do not vote; they are dropped, and their row says so.
 */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import {
  type Audit,
  type AuditRow,
  auditRow,
  type ClassOrder,
  type Decision,
  type DuplicatePair,
  findNearDuplicates,
  SubcenterScorer,
  scoreByModes,
  withAutoScores,
  withStrangerScores,
  withTrainingMargins,
} from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';
import { datasetFingerprint, type UndecodableImage } from '@arcface/trainer';
import type { CommandContext } from '../cli/define-command.ts';
import { CommandError } from '../cli/usage-error.ts';
import { reportUndecodable } from '../data.ts';
import { sharpDecoder } from '../decode.ts';
import type { Model } from '../model.ts';
import { type EmbeddedChunk, EmbeddingStore, type Shard } from './embedding-store.ts';
import { hasTrainingMargins, readTrainingMargins } from './recorded-margins.ts';
import { trainedSubcenters } from './trained-subcenters.ts';

export interface JudgedDataset {
  readonly dataset: FaceDataset;
  /** Of the images that can be decoded; its image `i` is at `positions[i]` of the dataset. */
  readonly audit: Audit;
  readonly positions: Int32Array;
  readonly undecodable: readonly UndecodableImage[];
  /** Pairs of images of the audit. */
  readonly duplicates: readonly DuplicatePair[];
  /** Which data and which network it was. */
  readonly inputs: JudgedInputs;
}

export interface JudgedInputs {
  readonly images: number;
  readonly classes: number;
  /** SHA-256 over the SHA-256 of every image's bytes, in data order, hexadecimal. */
  readonly contentSha256: string;
  /** Of keys and labels, as checkpoints have it. */
  readonly fingerprint: string;
  /** Undefined where the judgement was read from an audit. */
  readonly modelSha256: string | undefined;
  /** The network was trained on these very labels. */
  readonly trainedOnThis: boolean;
}

export interface JudgeOptions {
  readonly dataset: FaceDataset;
  readonly model: Model;
  readonly batchSize: number;
  /** Where embeddings are kept while, or until, all are there. */
  readonly work: { readonly directory: string; readonly keep: boolean };
  readonly shard?: Shard | undefined;
  /** Judges what shards have embedded, and embeds nothing. */
  readonly joinOnly?: boolean | undefined;
  /** Sub-centres: of the model, trained on the embeddings where it has none, or none at all (look-alikes stand in). */
  readonly subcenters: 'model' | 'trained' | 'none';
  readonly k?: number | undefined;
  /** The order of the classes as the user states it; default: the model's own. */
  readonly classOrder?: ClassOrder | undefined;
  /** Adds the probabilities of the automatic rule. */
  readonly auto: boolean;
  /** Adds how like their identity images are beside strangers. */
  readonly strangers: boolean;
  /** Adds what the training run recorded. */
  readonly margins: 'needed' | 'if there are' | 'none';
  readonly seed: number;
}

/** @returns the audit, or undefined when only a shard was embedded */
export async function judgeDataset(
  options: JudgeOptions,
  context: CommandContext,
): Promise<JudgedDataset | undefined> {
  const { dataset, model, shard, work } = options;
  // Before the long part: a model without sub-centres, or with others than asked for, is refused at once.
  const modelSubcenters =
    options.subcenters === 'model'
      ? model.subcenters({
          k: options.k ?? model.subcentersPerIdentity ?? 3,
          classOrder: options.classOrder ?? model.classOrder,
        })
      : undefined;
  const store = await EmbeddingStore.open({
    directory: work.directory,
    dataset,
    model: model.path,
    feeding: model.feeding,
  });
  const missing = store.missing().length;
  if (options.joinOnly && missing > 0) {
    throw new CommandError(
      `${missing} of ${store.chunks} parts are not embedded yet in ${work.directory}. Run the shards that make them (again), then merge.`,
    );
  }
  const progress = context.console.progress('embedding', { total: dataset.length, unit: 'images' });
  await store.fill({
    backbone: model.backbone,
    decoder: sharpDecoder,
    batchSize: options.batchSize,
    shard,
    signal: context.signal,
    onProgress: (done, rate) => progress.update(done, { rate }),
  });
  progress.stop();
  if (shard !== undefined) return undefined;

  const survey = await surveyChunks(store, dataset);
  if (survey.positions.length === 0) {
    throw new CommandError(
      `None of the ${dataset.length} images can be decoded, for example ${survey.failed[0]?.key}: ${survey.failed[0]?.reason}`,
    );
  }
  reportUndecodable(survey.failed, context, 'are dropped');
  const { positions, dimensions } = survey;
  const imageAt = new Int32Array(dataset.length).fill(-1);
  positions.forEach((position, image) => {
    imageAt[position] = image;
  });
  const input = {
    dimensions,
    labels: positions.map((position) => dataset.labels[position]!),
    // Identities keep their positions, also those that are left without an image: positions name classes.
    identities: dataset.identities.map(({ label, name, images }) => ({
      label,
      name,
      images: images.map((position) => imageAt[position]!).filter((image) => image >= 0),
    })),
    key: (image: number) => dataset.key(positions[image]!),
  };
  const inMemory = options.auto || options.strangers || options.subcenters !== 'model';
  const embeddings = inMemory ? await readAll(store, survey) : undefined;
  const trainedOnThis = wasTrainedOn(model, dataset);
  if (trainedOnThis && options.auto && !options.strangers) {
    context.console.warn(
      'the network was trained on these very labels and has learned some of the wrong ones by heart: the automatic rule finds ' +
        'fewer of them than with a network that never saw the labels. --rule self-trained is made for this',
    );
  }

  let audit: Audit;
  if (options.subcenters === 'none') {
    audit = scoreByModes({ ...input, embeddings: embeddings! }, { seed: options.seed });
  } else {
    const subcenters = modelSubcenters ?? (await trainedSubcenters(embeddings!, input, options, context));
    const trusted = options.classOrder !== undefined || options.subcenters === 'trained';
    const scorer = new SubcenterScorer({ ...input, subcenters, trustClassOrder: trusted });
    if (embeddings) scorer.add(embeddings);
    else for await (const chunk of chunksOf(store)) scorer.add(readableRows(chunk));
    audit = scorer.finish();
    if (options.auto)
      audit = withAutoScores(audit, { embeddings: embeddings!, dimensions }, { seed: options.seed });
  }
  if (options.strangers)
    audit = withStrangerScores(audit, { embeddings: embeddings!, dimensions }, { seed: options.seed });
  if (
    options.margins === 'needed' ||
    (options.margins === 'if there are' && (await hasTrainingMargins(model)))
  )
    audit = withTrainingMargins(audit, await readTrainingMargins(model, dataset, positions));
  const duplicates = findNearDuplicates({
    hashes: survey.hashes,
    identities: input.identities,
    embeddings,
    dimensions,
    digest: (image) => survey.digests.subarray(image * 32, (image + 1) * 32).join(),
  });
  if (!work.keep) await rm(work.directory, { recursive: true, force: true });
  return {
    dataset,
    audit,
    positions,
    undecodable: survey.failed,
    duplicates,
    inputs: {
      images: dataset.length,
      classes: survey.fingerprint.classes,
      contentSha256: survey.contentSha256,
      fingerprint: survey.fingerprint.hash,
      modelSha256: store.modelDigest,
      trainedOnThis,
    },
  };
}

/** Whether a model was trained on the very labels of a dataset. */
export function wasTrainedOn(model: Pick<Model, 'trainedOn'>, dataset: FaceDataset): boolean {
  return model.trainedOn !== undefined && model.trainedOn.hash === datasetFingerprint(dataset).hash;
}

interface Survey {
  readonly dimensions: number;
  /** Of the images that can be decoded. */
  readonly positions: Int32Array;
  readonly failed: readonly UndecodableImage[];
  /** Of the images that can be decoded: [n, 8] and [n, 32]. */
  readonly hashes: Uint8Array;
  readonly digests: Uint8Array;
  readonly contentSha256: string;
  readonly fingerprint: ReturnType<typeof datasetFingerprint>;
}

async function surveyChunks(store: EmbeddingStore, dataset: FaceDataset): Promise<Survey> {
  const failed: UndecodableImage[] = [];
  const content = createHash('sha256');
  const positions = new Int32Array(dataset.length);
  const hashes = new Uint8Array(dataset.length * 8);
  const digests = new Uint8Array(dataset.length * 32);
  let images = 0;
  let dimensions = 0;
  for await (const chunk of chunksOf(store)) {
    dimensions = chunk.dimensions;
    failed.push(...chunk.failed);
    content.update(chunk.digests);
    const gone = new Set(chunk.failed.map(({ position }) => position - chunk.start));
    for (let place = 0; place < chunk.images; place++) {
      if (gone.has(place)) continue;
      positions[images] = chunk.start + place;
      hashes.set(chunk.hashes.subarray(place * 8, place * 8 + 8), images * 8);
      digests.set(chunk.digests.subarray(place * 32, place * 32 + 32), images * 32);
      images++;
    }
  }
  return {
    dimensions,
    positions: positions.subarray(0, images),
    failed,
    hashes: hashes.subarray(0, images * 8),
    digests: digests.subarray(0, images * 32),
    contentSha256: content.digest('hex'),
    fingerprint: datasetFingerprint(dataset),
  };
}

async function* chunksOf(store: EmbeddingStore): AsyncGenerator<EmbeddedChunk> {
  for (let chunk = 0; chunk < store.chunks; chunk++) yield await store.read(chunk);
}

/** A chunk's rows without those of images that cannot be decoded. */
function readableRows({ start, images, dimensions, embeddings, failed }: EmbeddedChunk): Float32Array {
  if (failed.length === 0) return embeddings;
  const gone = new Set(failed.map(({ position }) => position - start));
  const rows = new Float32Array((images - gone.size) * dimensions);
  let to = 0;
  for (let place = 0; place < images; place++) {
    if (gone.has(place)) continue;
    rows.set(embeddings.subarray(place * dimensions, (place + 1) * dimensions), to);
    to += dimensions;
  }
  return rows;
}

async function readAll(store: EmbeddingStore, { positions, dimensions }: Survey): Promise<Float32Array> {
  const rows = new Float32Array(positions.length * dimensions);
  let to = 0;
  for await (const chunk of chunksOf(store)) {
    const readable = readableRows(chunk);
    rows.set(readable, to);
    to += readable.length;
  }
  return rows;
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

/** Rows in the order of the data, or the most suspicious first (behind those that cannot be decoded). */
export type RowOrder = 'data' | 'suspicion';

/** One row for every image of the dataset. */
export function* datasetAuditRows(
  {
    dataset,
    audit,
    positions,
  }: Pick<JudgedDataset, 'audit' | 'positions'> & {
    readonly dataset: Pick<FaceDataset, 'length' | 'labels' | 'key'>;
  },
  decision: Decision,
  order: RowOrder = 'data',
): Generator<AuditRow | UndecodableRow> {
  const unreadable = (position: number): UndecodableRow => {
    const [subcenter, dominant, angle, angleNearest] = [null, null, null, null];
    const [key, label] = [dataset.key(position), dataset.labels[position]!];
    return { key, label, subcenter, dominant, angle, angleNearest, decision: 'drop', rule: 'undecodable' };
  };
  let image = 0;
  for (let position = 0; position < dataset.length; position++) {
    const judged = positions[image] === position;
    if (judged) image++;
    if (judged && order === 'data') yield auditRow(audit, decision, image - 1);
    if (!judged) yield unreadable(position);
  }
  if (order === 'data') return;
  for (const worst of bySuspicion(decision)) yield auditRow(audit, decision, worst);
}

/** Images, the most suspicious first; equal ones in data order. */
export function bySuspicion({ suspicion }: Decision): Int32Array {
  return Int32Array.from(suspicion.keys()).sort((a, b) => suspicion[b]! - suspicion[a]! || a - b);
}
