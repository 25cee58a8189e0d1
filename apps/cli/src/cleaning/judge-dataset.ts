/**
 * From a dataset to its audit: embeds every image (or finds it embedded) and scores it against its identity. Images that
 * cannot be decoded do not vote; they are dropped, and their row says so.
 */
import {
  type Audit,
  type AuditRow,
  auditRow,
  type ClassOrder,
  type Decision,
  type DuplicatePair,
  findNearDuplicates,
  isLearnedByHeart,
  SubcenterScorer,
  type SubcenterWeights,
  scoreByModes,
  type UndecodableRow,
  undecodableRow,
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
import { EmbeddingStore, readableRows, type Shard } from './embedding-store.ts';
import { hasTrainingMargins, readTrainingMargins } from './recorded-margins.ts';
import { handOut, joinedRounds, RoundForOthers, scoreShard } from './scoring-rounds.ts';
import { storedRows } from './stored-rows.ts';
import { chunksOf, readAll, surveyChunks } from './survey.ts';
import { trainedSubcenters } from './trained-subcenters.ts';
import type { PartOfWork, WorkFolder } from './work-options.ts';

export interface JudgedDataset {
  readonly dataset: FaceDataset;
  /** Of the images that can be decoded; its image `i` is at `positions[i]` of the dataset. */
  readonly audit: Audit;
  readonly positions: Int32Array;
  readonly undecodable: readonly UndecodableImage[];
  /** Pairs of images of the audit. */
  readonly duplicates: readonly DuplicatePair[];
  /** SHA-256 of the bytes of each image of the audit as they were embedded: [images, 32]. */
  readonly digests?: Uint8Array;
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
  /** Of the model's file, then of those beside it; none where the judgement was read from an audit. */
  readonly modelSha256: readonly string[];
  /** A network was trained on these very labels, or on what a drop left of them. */
  readonly trainedOnThis: boolean;
}

export interface JudgeOptions {
  readonly dataset: FaceDataset;
  readonly model: Model;
  readonly batchSize: number;
  /** Where embeddings are kept until all is done. */
  readonly work: WorkFolder;
  readonly shard?: Shard | undefined;
  /** Judges what shards have embedded, and embeds nothing. */
  readonly joinOnly?: boolean | undefined;
  /** Leaves rounds of scoring that nobody has done to shards, rather than doing them here. */
  readonly handOut?: boolean | undefined;
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

/** @returns the audit, or what was done when more is to be done by others */
export async function judgeDataset(
  options: JudgeOptions,
  context: CommandContext,
): Promise<JudgedDataset | PartOfWork> {
  const { dataset, model, shard, work } = options;
  const people = dataset.identities.filter(({ images }) => images.length > 0).length;
  if (options.auto && people < 2) {
    throw new CommandError(
      `The rule compares an image with other identities than its own: it needs at least 2, found ${people}.`,
    );
  }
  // Before the long part: a model without sub-centres, or with others than asked for, is refused at once.
  const modelSubcenters = options.subcenters === 'model' ? subcentersOf(options, context) : undefined;
  const store = await EmbeddingStore.open({
    directory: work.directory,
    dataset,
    model: model.path,
    beside: model.beside,
    feeding: model.feeding,
  });
  const missing = store.missing().length;
  if (options.joinOnly && missing > 0) {
    throw new CommandError(
      `${missing} of ${store.chunks} parts are not embedded yet in ${work.directory}. Run the shards that make them (again), then merge.`,
    );
  }
  await embedMissing(store, options, context);
  await model.close?.();
  if (shard !== undefined) {
    const scoring = context.console.progress('scoring', { total: dataset.length, unit: 'images' });
    const { signal } = context;
    const scored = await scoreShard(store, shard, { signal, onProgress: (done) => scoring.update(done) });
    scoring.stop();
    return { shard: `${shard.index + 1}/${shard.count}`, ...(scored && { round: scored.round }) };
  }

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
  const needsNeighbours = options.auto || options.strangers || options.subcenters !== 'model';
  const embeddings = needsNeighbours ? storedRows(store, positions, dimensions) : undefined;
  const trainedOnThis = wasTrainedOn(model, dataset);
  if (trainedOnThis && options.auto && !options.strangers) {
    context.console.warn(
      'the network was trained on these very labels and has learned some of the wrong ones by heart: the automatic rule finds ' +
        'fewer of them than with a network that never saw the labels. --rule self-trained is made for this',
    );
  }

  let audit: Audit;
  try {
    const autoOptions = {
      seed: options.seed,
      scoreRound: joinedRounds(store, positions, { leave: options.handOut === true }),
    };
    if (modelSubcenters === undefined && options.subcenters !== 'trained') {
      audit = scoreByModes({ ...input, embeddings: embeddings! }, autoOptions);
    } else {
      const subcenters =
        modelSubcenters ?? (await trainedSubcenters(await readAll(store, survey), input, options, context));
      const trusted = options.classOrder !== undefined || options.subcenters === 'trained';
      const scorer = new SubcenterScorer({ ...input, subcenters, trustClassOrder: trusted });
      for await (const chunk of chunksOf(store)) scorer.add(readableRows(chunk));
      audit = scorer.finish();
      if (options.auto) audit = withAutoScores(audit, { embeddings: embeddings!, dimensions }, autoOptions);
    }
    if (options.strangers)
      audit = withStrangerScores(audit, { embeddings: embeddings!, dimensions }, autoOptions);
  } catch (error) {
    if (!(error instanceof RoundForOthers)) throw error;
    await handOut(store, positions, error);
    return { round: error.number };
  }
  context.signal.throwIfAborted();
  if (
    options.margins === 'needed' ||
    (options.margins === 'if there are' && (await hasTrainingMargins(model, dataset)))
  )
    audit = withTrainingMargins(audit, await readTrainingMargins(model, dataset, positions));
  if (model.beside !== undefined && isLearnedByHeart(audit)) {
    context.console.warn(
      'a network among those that judge has learned wrong labels by heart, and its vote hides them from the others: this goes by what its ' +
        'run recorded instead. A network that was trained on what was left finds more without it: leave it out',
    );
  }
  const duplicates = findNearDuplicates({
    hashes: survey.hashes,
    identities: input.identities,
    embeddings,
    dimensions,
    digest: (image) => survey.digests.subarray(image * 32, (image + 1) * 32).join(),
  });
  return {
    dataset,
    audit,
    positions,
    undecodable: survey.failed,
    duplicates,
    digests: survey.digests,
    inputs: {
      images: dataset.length,
      classes: survey.fingerprint.classes,
      contentSha256: survey.contentSha256,
      fingerprint: survey.fingerprint.hash,
      modelSha256: store.modelDigests,
      trainedOnThis,
    },
  };
}

/** Says where to go on from, when it is stopped. */
async function embedMissing(
  store: EmbeddingStore,
  { dataset, model, batchSize, shard, work }: JudgeOptions,
  { console, signal }: CommandContext,
): Promise<void> {
  const progress = console.progress('embedding', { total: dataset.length, unit: 'images' });
  try {
    await store.fill({
      backbone: model.backbone,
      decoder: sharpDecoder,
      batchSize,
      shard,
      signal,
      onProgress: (done, rate) => progress.update(done, { rate }),
    });
    signal.throwIfAborted();
  } finally {
    progress.stop();
    if (signal.aborted) {
      const done = store.chunks - store.missing().length;
      console.log(
        `${done} of ${store.chunks} parts are embedded and kept in ${work.directory}: the same command goes on there`,
      );
    }
  }
}

/**
 * The model's sub-centres; undefined where they are of fewer identities than the data has and the rule needs none.
 *
 * A head that is read with a smaller K than it was trained with has several times the classes, and all but the first are taken for
 * somebody else's: that is warned of. So has a head that was trained on more identities, rightly: that only the user knows.
 */
function subcentersOf(
  { dataset, model, strangers, ...options }: JudgeOptions,
  { console }: CommandContext,
): SubcenterWeights | undefined {
  const k = options.k ?? model.subcentersPerIdentity ?? 3;
  const found = model.subcenters({ k, classOrder: options.classOrder ?? model.classOrder });
  if (hasSeenOthers(model, dataset)) {
    console.warn(
      `${model.path} was trained on other data, or on this under other keys: its sub-centres are taken for those of the identities here, in their order`,
    );
  }
  const classes = found.weights.length / (found.subcenters * found.dimensions);
  const needed =
    found.classOrder === 'position'
      ? 1 + dataset.identities.findLastIndex(({ images }) => images.length > 0)
      : 1 + dataset.labels.reduce((most, label) => Math.max(most, label), -1);
  if (classes < needed) {
    const mismatch =
      found.classOrder === 'position'
        ? `${model.path} has sub-centres of ${classes} classes but there are ${needed} identities`
        : `${model.path} has sub-centres of ${classes} classes but labels go up to ${needed - 1}`;
    if (!strangers) {
      const advice =
        found.classOrder === 'position'
          ? 'If it was trained on what a drop left of this data, judge with --rule self-trained, which needs no sub-centres.'
          : 'If its classes are in the order of the identities, say --class-order position.';
      throw new CommandError(`${mismatch}. ${advice}`);
    }
    console.log(`${mismatch}: they are left out, the rule needs none`);
    return undefined;
  }
  if (classes >= 2 * needed) {
    console.warn(
      `the head has ${classes} classes with ${k} sub-centres each, the data needs ${needed}. If it was trained on this data, ` +
        `K was another (--k ${Math.floor((classes * k) / needed)}?)`,
    );
  }
  return found;
}

/** Whether a model was trained on the very labels of a dataset, or on those that a drop left of them. */
export function wasTrainedOn(model: Pick<Model, 'trainedOn' | 'leftOf'>, dataset: FaceDataset): boolean {
  const { hash } = datasetFingerprint(dataset);
  return model.trainedOn?.hash === hash || model.leftOf === hash;
}

/** Whether a model's file says what it was trained on, and it is none of this: its sub-centres are other people's then. */
export function hasSeenOthers(model: Pick<Model, 'trainedOn' | 'leftOf'>, dataset: FaceDataset): boolean {
  return model.trainedOn !== undefined && !wasTrainedOn(model, dataset);
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
  let image = 0;
  for (let position = 0; position < dataset.length; position++) {
    const judged = positions[image] === position;
    if (judged) image++;
    if (judged && order === 'data') yield auditRow(audit, decision, image - 1);
    if (!judged) yield undecodableRow(dataset.key(position), dataset.labels[position]!);
  }
  if (order === 'data') return;
  for (const worst of bySuspicion(decision)) yield auditRow(audit, decision, worst);
}

/** Images, the most suspicious first; equal ones in data order. */
function bySuspicion({ suspicion }: Decision): Int32Array {
  return Int32Array.from(suspicion.keys()).sort((a, b) => suspicion[b]! - suspicion[a]! || a - b);
}
