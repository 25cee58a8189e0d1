/**
 * The main job on drawn faces: train with sub-centres on noisy labels, drop what is far from the dominant sub-centre,
 * train again on what is left. Beside it, what it is to be compared with: plain ArcFace on the noisy set, and, if asked
 * for, two controls and the upper bound.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Backbone, createBackbone } from '@arcface/backbones';
import {
  type Audit,
  auditLine,
  auditRows,
  type Decision,
  decide,
  metrics,
  type SubcenterWeights,
  score,
  type TruthMetrics,
} from '@arcface/cleaner';
import { compactLabels, type FaceDataset, filterDataset } from '@arcface/recordio';
import { openFaceDataset, writeFaceDataset } from '@arcface/recordio/node';
import { SubcenterHead } from '@arcface/subcenter-loss';
import { embedImages, Random, train, type Verification } from '@arcface/trainer';
import { FileCheckpointStore } from '@arcface/trainer/node';
import { writeAtomically } from '../atomic-file.ts';
import type { CommandContext } from '../cli/define-command.ts';
import { verifyBackbone } from '../commands/verify.ts';
import { sharpDecoder } from '../decode.ts';
import { CHECKPOINTS } from '../model.ts';
import { listedPairs, type PairImages } from '../pair-images.ts';
import { type DecodedFaces, decodeFaces } from './decoded-faces.ts';
import { type DemoDataset, writeDemoDataset } from './demo-dataset.ts';
import {
  DEMO_MARGIN,
  DEMO_NETWORK,
  DEMO_SUBCENTERS,
  DEMO_THRESHOLD,
  demoTrainOptions,
} from './demo-settings.ts';
import type { DemoDatasetOptions } from './noisy-faces.ts';

/** A network that the demo trained, and how well it tells people apart that it has never seen. */
export interface DemoRun {
  readonly title: string;
  /** Folder of the run, a MODEL for the commands. */
  readonly folder: string;
  readonly subcenters: number;
  readonly images: number;
  readonly steps: number;
  readonly seconds: number;
  readonly verification: Verification;
}

/** What a set of sub-centres finds at the threshold. */
export interface DemoCleaning {
  readonly audit: Audit;
  readonly decision: Decision;
  readonly metrics: TruthMetrics;
}

export interface DemoResult {
  readonly seed: number;
  readonly seconds: number;
  readonly dataset: DemoDataset;
  /** Plain ArcFace (K = 1) on the noisy set. */
  readonly noisy: DemoRun;
  /** With sub-centres on the noisy set: the network that judges. */
  readonly noisySubcenters: DemoRun;
  /** Plain ArcFace on what was kept. */
  readonly cleaned: DemoRun;
  /** Only if asked for. */
  readonly controls: readonly DemoRun[];
  /** By the sub-centres, at the paper's 75 degrees: what was done. */
  readonly cleaning: DemoCleaning;
  /** By the centres of plain ArcFace, at the same angle: for comparison only. */
  readonly cleaningBySingleCentre: DemoCleaning;
}

export interface DemoOptions extends DemoDatasetOptions {
  /** Folder for everything. */
  readonly output: string;
  /** Also trains the controls: as many images dropped at random, as many steps as on the noisy set, and the truth. */
  readonly controls: boolean;
  /** Changes the length of training, for tests. */
  readonly epochs?: number | undefined;
}

/** Runs the demo. The backend must have been chosen. */
export async function runDemo(options: DemoOptions, context: CommandContext): Promise<DemoResult> {
  const begun = performance.now();
  const demo = await Demo.prepare(options, context);
  try {
    const noisy = await demo.trainAndJudge('noisy, K=1', 'noisy-k1', 1);
    const subcentred = await demo.trainAndJudge(
      `noisy, K=${DEMO_SUBCENTERS}`,
      `noisy-k${DEMO_SUBCENTERS}`,
      DEMO_SUBCENTERS,
    );
    const { cleaning } = subcentred;
    await demo.writeCleaned(cleaning);
    const kept = cleaning.decision.order;
    const cleaned = await demo.train('cleaned, K=1', {
      folder: 'cleaned-k1',
      subcenters: 1,
      positions: kept,
    });
    const controls = options.controls ? await demo.controls(kept, noisy.run.steps) : [];
    return {
      seed: options.seed,
      seconds: (performance.now() - begun) / 1000,
      dataset: demo.dataset,
      noisy: noisy.run,
      noisySubcenters: subcentred.run,
      cleaned: cleaned.run,
      controls,
      cleaning,
      cleaningBySingleCentre: noisy.cleaning,
    };
  } finally {
    await demo.close();
  }
}

/** Positions of the images to train on; all by default. */
interface Training {
  readonly folder: string;
  readonly subcenters: number;
  readonly positions?: Int32Array | undefined;
  /** Instead of the usual number of epochs. */
  readonly steps?: number | undefined;
}

class Demo {
  readonly dataset: DemoDataset;
  readonly #options: DemoOptions;
  readonly #context: CommandContext;
  readonly #records: FaceDataset;
  readonly #faces: DecodedFaces;
  readonly #pairs: PairImages;

  private constructor(
    options: DemoOptions,
    context: CommandContext,
    made: { dataset: DemoDataset; records: FaceDataset; faces: DecodedFaces; pairs: PairImages },
  ) {
    this.#options = options;
    this.#context = context;
    this.dataset = made.dataset;
    this.#records = made.records;
    this.#faces = made.faces;
    this.#pairs = made.pairs;
  }

  static async prepare(options: DemoOptions, context: CommandContext): Promise<Demo> {
    const { signal } = context;
    let progress: ReturnType<CommandContext['console']['progress']> | undefined;
    const dataset = await writeDemoDataset(options.output, {
      ...options,
      signal,
      onProgress(done, total) {
        progress ??= context.console.progress('drawing faces', { total, unit: 'images' });
        progress.update(done);
      },
    });
    progress?.stop();
    const records = await openFaceDataset(dataset.data, { signal });
    const side = DEMO_NETWORK.inputSize as number;
    const size = { height: side, width: side };
    const faces = await decodeFaces(records, { decoder: sharpDecoder, size, signal });
    const pairs = await listedPairs(dataset.heldOut.pairs, dataset.heldOut.images);
    return new Demo(options, context, { dataset, records, faces, pairs });
  }

  /** Trains, verifies, and leaves a run folder. The network and the head must be disposed of. */
  async train(
    title: string,
    { folder, subcenters, positions, steps }: Training,
  ): Promise<{ run: DemoRun; backbone: Backbone; head: SubcenterHead }> {
    const { seed, output, epochs } = this.#options;
    const { signal, console } = this.#context;
    const { dataset: all, decoder } = this.#faces;
    const dataset = compactLabels(positions === undefined ? all : filterDataset(all, positions));
    const backbone = createBackbone(DEMO_NETWORK, { seed });
    const head = new SubcenterHead({
      classes: dataset.identities.length,
      subcenters,
      embeddingSize: backbone.embeddingSize,
      margin: DEMO_MARGIN,
      seed,
    });
    const path = join(output, 'runs', folder);
    await rm(path, { recursive: true, force: true });
    const usual = demoTrainOptions(seed, epochs);
    const begun = performance.now();
    let progress: ReturnType<typeof console.progress> | undefined;
    const result = await train({
      backbone,
      head,
      dataset,
      decoder,
      signal,
      store: new FileCheckpointStore(join(path, CHECKPOINTS)),
      options: {
        ...usual,
        batchSize: Math.min(usual.batchSize!, dataset.length),
        duration: steps === undefined ? usual.duration! : { steps },
      },
      onEvent(event) {
        if (event.kind === 'started') {
          progress = console.progress(`training (${title})`, { total: event.totalSteps, unit: 'steps' });
        } else if (event.kind === 'step') {
          progress?.update(event.step, {
            note: `loss ${event.loss.toFixed(2)}, ${event.imagesPerSecond.toFixed(0)} images/s`,
          });
        }
      },
    });
    progress?.stop();
    signal.throwIfAborted();
    const seconds = (performance.now() - begun) / 1000;
    const { verification } = await verifyBackbone(
      { backbone, pairs: this.#pairs, folds: 10, batchSize: 64 },
      this.#context,
    );
    const run = {
      title,
      folder: path,
      subcenters,
      images: dataset.length,
      steps: result.steps,
      seconds,
      verification,
    };
    return { run, backbone, head };
  }

  async trainAndJudge(
    title: string,
    folder: string,
    subcenters: number,
  ): Promise<{ run: DemoRun; cleaning: DemoCleaning }> {
    const { run, backbone, head } = await this.train(title, { folder, subcenters });
    const weights = Float32Array.from(await head.weights.data<'float32'>());
    const cleaning = await this.#judge(backbone, {
      weights,
      subcenters,
      dimensions: backbone.embeddingSize,
      classOrder: 'position',
    });
    backbone.dispose();
    head.dispose();
    return { run, cleaning };
  }

  async #judge(backbone: Backbone, subcenters: SubcenterWeights): Promise<DemoCleaning> {
    const { dataset, decoder } = this.#faces;
    const { embeddings, dimensions } = await embedImages({
      backbone,
      dataset,
      decoder,
      signal: this.#context.signal,
    });
    const { labels, identities } = dataset;
    const key = (image: number): number | string => dataset.key(image);
    const audit = score({ embeddings, dimensions, labels, identities, subcenters, key });
    const decision = decide(audit, { kind: 'angle', degrees: DEMO_THRESHOLD });
    return { audit, decision, metrics: metrics(decision, { bad: this.dataset.bad }) };
  }

  /** The cleaned records and the audit, as `arcface drop` writes them. */
  async writeCleaned({ audit, decision }: DemoCleaning): Promise<void> {
    const directory = join(this.#options.output, 'cleaned');
    const records = this.#records;
    await writeFaceDataset({
      directory,
      layout: 'insightface',
      overwrite: true,
      signal: this.#context.signal,
      images: (async function* () {
        for (const image of decision.order) {
          const { bytes } = await records.read(image);
          yield { label: decision.newLabels[image]!, bytes };
        }
      })(),
    });
    await writeAtomically(join(directory, 'audit.jsonl'), auditLines(audit, decision));
  }

  /** What the cleaned run has to be compared with before it is called better because of *which* images went. */
  async controls(kept: Int32Array, noisySteps: number): Promise<DemoRun[]> {
    const { bad } = this.dataset;
    const everything = Int32Array.from(bad, (_, i) => i);
    const good = everything.filter((image) => !bad[image]);
    const atRandom = randomSubset(everything, kept.length, Random.of(this.#options.seed, 'random drop'));
    const runs: DemoRun[] = [];
    for (const [title, training] of [
      [
        'cleaned, K=1, as many steps as noisy',
        { folder: 'cleaned-k1-long', positions: kept, steps: noisySteps },
      ],
      ['as many dropped at random, K=1', { folder: 'random-k1', positions: atRandom }],
      ['truth known, K=1', { folder: 'truth-k1', positions: good }],
    ] as const) {
      const { run, backbone, head } = await this.train(title, { ...training, subcenters: 1 });
      backbone.dispose();
      head.dispose();
      runs.push(run);
    }
    return runs;
  }

  async close(): Promise<void> {
    await this.#records.close();
  }
}

function randomSubset(from: Int32Array, count: number, random: Random): Int32Array {
  const order = Int32Array.from(from);
  for (let i = 0; i < count; i++) {
    const j = i + random.integer(order.length - i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order.subarray(0, count).sort();
}

function* auditLines(audit: Audit, decision: Decision): Generator<string> {
  for (const row of auditRows(audit, decision)) yield auditLine(row);
}
