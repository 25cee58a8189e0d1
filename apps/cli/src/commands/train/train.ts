/** `arcface train`: steps 1 and 3 of the main job. */
import { join } from 'node:path';
import type { MpiCommunicator } from '@arcface/mpi';
import { SubcenterHead } from '@arcface/subcenter-loss';
import { trainingEvents } from '@arcface/trainer';
import { FileCheckpointStore } from '@arcface/trainer/node';
import type { Command } from 'commander';
import { writeAtomically } from '../../atomic-file.ts';
import { useBackend } from '../../backend.ts';
import { fingerprintOfSource } from '../../cleaning/provenance.ts';
import { type CommandContext, defineCommand, required } from '../../cli/define-command.ts';
import { imagesAPass } from '../../cli/images-a-pass.ts';
import { INTERRUPTED } from '../../cli/interrupt.ts';
import { refuseUsedFolder } from '../../cli/output-folder.ts';
import { UsageError } from '../../cli/usage-error.ts';
import { openData } from '../../data.ts';
import { CHECKPOINTS, RUN_FILE } from '../../model.ts';
import { initialNetwork } from './initial-network.ts';
import { threadsOfRank, withMpiRanks } from './mpi-ranks.ts';
import { evaluationOnPacks } from './packs-evaluation.ts';
import { withoutReferenceFlags } from './reference-flags.ts';
import { RunJournal } from './run-journal.ts';
import { lockRunFolder } from './run-lock.ts';
import { normalisesSingleImages } from './single-images.ts';
import { startDecoding } from './start-decoding.ts';
import { graphsOf, startRanks } from './start-ranks.ts';
import { trainingData } from './training-data.ts';
import {
  marginOf,
  subcentersOf,
  type TrainCommandOptions,
  trainOptionsOf,
  withTrainOptions,
} from './training-settings.ts';

export function trainCommand(): Command {
  return defineCommand<TrainCommandOptions>({
    name: 'train',
    description:
      'Train a network with the (Sub-center) ArcFace loss, or another. Sub-centres are saved with every checkpoint. ' +
      'Ctrl-C stops after the current step; --resume goes on from there, bit for bit.',
    example: 'arcface train --data faces --output run --network y1 --subcenters 3 --epochs 18',
    options: withTrainOptions,
    run: (options, context) =>
      options.communicator === 'mpi'
        ? withMpiRanks(options, context, (communicator, ofRank) =>
            trainNetwork(options, ofRank, communicator),
          )
        : trainNetwork(options, context),
  });
}

/** @param communicator of the processes of which this is one */
async function trainNetwork(
  typed: TrainCommandOptions,
  context: CommandContext,
  communicator?: MpiCommunicator,
): Promise<void> {
  const options = withoutReferenceFlags(typed, communicator?.size ?? typed.ranks);
  // Only one of several processes looks at the output folder, and writes there.
  const writes = communicator === undefined || communicator.rank === 0;
  const data = required(options.data, '--data');
  const output = required(options.output, '--output');
  const { console } = context;
  if (options.resume && options.overwrite)
    throw new UsageError('--resume and --overwrite contradict each other.');
  if (writes && !options.resume && !options.overwrite)
    await refuseUsedFolder(output, '--resume or --overwrite');
  if (options.backwardStages > 1 && !communicator)
    throw new UsageError('--backward-stages is for --communicator mpi.');
  const trainOptions = trainOptionsOf(options);
  const margin = marginOf(options);
  const subcenters = subcentersOf(options);

  const opened = await openData(data, context);
  const ranks = startRanks(options);
  // It starts while the network is made; whether it failed is asked below.
  const decoding = startDecoding();
  decoding.catch(() => {});
  let unlock: (() => Promise<void>) | undefined;
  try {
    const dataset = trainingData(opened, options, context);
    const backendName = await useBackend(
      communicator
        ? { ...options, threads: threadsOfRank(options, communicator), graphs: graphsOf(options) }
        : options,
    );
    const backbone = await initialNetwork(options, context);
    if (normalisesSingleImages(backbone.graph, trainOptions, communicator?.size ?? options.ranks))
      console.warn(
        `each image is normalised by itself, so that ${backbone.name} gives all of them the same embedding: take a larger --batch-size, or fewer parts and ranks`,
      );
    const everySteps = options.verifyEvery ?? 2000;
    const { packs, evaluation } = await evaluationOnPacks(
      data,
      { backbone, everySteps, measures: writes, batchSize: imagesAPass({ backend: options.backend }) },
      context,
    );
    const description = {
      classes: dataset.identities.length,
      subcenters,
      embeddingSize: backbone.embeddingSize,
      margin,
      seed: options.seed,
    };
    const head = communicator ? description : new SubcenterHead(description);
    const store = writes ? new FileCheckpointStore(join(output, CHECKPOINTS)) : undefined;
    const settings = {
      data,
      leftOf: fingerprintOfSource(data),
      network: backbone.name,
      loss: options.loss,
      subcenters,
      backend: backendName,
      options: trainOptions,
    };
    const events = trainingEvents({
      ...{ backbone, head, dataset, store, evaluation },
      decoder: (await decoding).decoder,
      ranks: ranks?.ranks,
      communicator,
      backwardStages: options.backwardStages,
      options: trainOptions,
      resume: options.resume === true,
      overwrite: options.overwrite === true,
      signal: context.signal,
      reportEverySteps: options.frequent,
    });
    // What is refused is refused here, before anything is written.
    let next = await events.next();
    if (writes) unlock = await lockRunFolder(output);
    const describe = () =>
      writeAtomically(join(output, RUN_FILE), [`${JSON.stringify(settings, null, 2)}\n`]);
    // What is overwritten stays what it says it is until the first step is made.
    if (writes && !options.overwrite) await describe();
    const { tensorboard } = options;
    const journal = new RunJournal({
      writes,
      console,
      log: join(output, 'log.jsonl'),
      tensorboard: tensorboard === true ? join(output, 'tensorboard') : tensorboard,
    });
    try {
      for (; !next.done; next = await events.next()) {
        if (writes && options.overwrite && next.value.kind === 'step' && next.value.step === 1)
          await describe();
        journal.write(next.value);
      }
    } catch (error) {
      // A disk that is full fails the log, too, and says less about it.
      await journal.close().catch(() => {});
      throw error;
    }
    // Of what it cannot write it has warned; what has been trained is told first.
    const unwritten = await journal.close().then(
      () => undefined,
      (error: unknown) => error,
    );

    const result = next.value;
    const { steps, epochs, loss, imagesPerSecond, stopped } = result;
    const accuracies = Object.entries(result.metrics).filter(([name]) => packs.includes(name));
    const path = (name: string | undefined) => (name === undefined ? null : join(output, CHECKPOINTS, name));
    const checkpoint = path(result.checkpoint);
    console.result(
      {
        steps,
        epochs,
        loss: finite(loss),
        imagesPerSecond: finite(imagesPerSecond),
        checkpoint,
        best: path(result.best?.name),
        verification: verificationOf(accuracies),
        stopped,
      },
      [
        [
          `${stopped ? 'stopped after' : 'trained'} ${steps} steps (${epochs} epochs)`,
          // None where no step, or only the first, was made.
          ...(Number.isFinite(loss) ? [`loss ${loss.toFixed(4)}`] : []),
          ...(Number.isFinite(imagesPerSecond) ? [`${imagesPerSecond.toFixed(1)} images/s`] : []),
        ].join(', '),
        ...accuracies.map(([name, value]) => `${name}  ${value.toFixed(5)}`),
        `checkpoint  ${checkpoint}`,
        ...(stopped ? ['the same command with --resume goes on'] : []),
      ],
    );
    if (unwritten) throw unwritten;
    if (stopped) process.exitCode = INTERRUPTED;
  } finally {
    await unlock?.();
    await ranks?.close();
    await decoding.then((thread) => thread.close()).catch(() => {});
    await opened.close();
  }
}

function verificationOf(
  accuracies: readonly (readonly [string, number])[],
): Record<string, { accuracy: number }> | null {
  if (accuracies.length === 0) return null;
  return Object.fromEntries(accuracies.map(([name, accuracy]) => [name, { accuracy }]));
}

/** JSON has no NaN. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
