/** Verification during a run, on the packs (`lfw.bin`) that lie beside the data, as the reference does. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Backbone } from '@arcface/backbones';
import { decodeImage, type Evaluation } from '@arcface/trainer';
import type { CommandContext } from '../../cli/define-command.ts';
import { CommandError } from '../../cli/usage-error.ts';
import { sharpDecoder } from '../../decode.ts';
import { checkPairs, type PairImages, packedPairs } from '../../pair-images.ts';
import { verifyBackbone } from '../verify.ts';

export interface PacksEvaluation {
  /** Names of the packs: `lfw` for `lfw.bin`. */
  readonly packs: readonly string[];
  /** Undefined where there are none. */
  readonly evaluation: Evaluation | undefined;
}

/** Images of a pack that are decoded side by side, to see whether they can be. */
const TOGETHER = 64;
const MOVE = 'Move it out of the folder of the data, or repair it.';

/**
 * The first pack says which checkpoint is the best.
 *
 * @param options.batchSize images a forward pass
 * @param options.measures whether this process is the one that verifies
 * @throws {CommandError} for a pack that cannot be verified on: no pack at all, no pair, only one kind of pairs, or an image that cannot
 *   be decoded. Found out after two thousand steps, that would end the run
 */
export async function evaluationOnPacks(
  data: string,
  {
    backbone,
    everySteps,
    measures,
    batchSize,
  }: {
    readonly backbone: Backbone;
    readonly everySteps: number;
    readonly measures: boolean;
    readonly batchSize: number;
  },
  context: CommandContext,
): Promise<PacksEvaluation> {
  const folder = (await stat(data)).isDirectory() ? data : dirname(data);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.bin')).sort();
  // The step's loss is among the figures, too.
  const packs = files.map((file) => (file === 'loss.bin' ? file : file.slice(0, -'.bin'.length)));
  if (packs.length === 0) return { packs, evaluation: undefined };
  const pairs = await Promise.all(
    files.map((file) => readPackToVerifyOn(join(folder, file), { backbone, measures }, context)),
  );
  context.console.log(`verifying on ${packs.join(', ')} every ${everySteps} steps`);
  return {
    packs,
    evaluation: {
      everySteps,
      monitor: packs[0]!,
      async run() {
        const accuracies: Record<string, number> = {};
        for (const [i, name] of packs.entries()) {
          const folds = Math.min(10, pairs[i]!.isSame.length);
          const { verification } = await verifyBackbone(
            { backbone, pairs: pairs[i]!, folds, batchSize },
            context,
          );
          accuracies[name] = verification.accuracy;
        }
        return accuracies;
      },
    },
  };
}

async function readPackToVerifyOn(
  path: string,
  { backbone, measures }: { readonly backbone: Backbone; readonly measures: boolean },
  { signal }: CommandContext,
): Promise<PairImages> {
  try {
    const pairs = await packedPairs(path);
    checkPairs(pairs, { name: path });
    if (measures) await checkImages(pairs, path, backbone, signal);
    return pairs;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new CommandError(`${error.message.replace(/\.?$/, '.')} ${MOVE}`, { cause: error });
  }
}

async function checkImages(
  { images }: PairImages,
  path: string,
  { inputShape: [height, width] }: Backbone,
  signal: AbortSignal,
): Promise<void> {
  const source = { dataset: images, decoder: sharpDecoder, size: { height, width } };
  for (let begin = 0; begin < images.length; begin += TOGETHER) {
    signal.throwIfAborted();
    const count = Math.min(TOGETHER, images.length - begin);
    const decoded = await Promise.all(
      Array.from({ length: count }, (_, i) => decodeImage(source, begin + i)),
    );
    const bad = decoded.find(({ pixels }) => !pixels);
    if (bad)
      throw new CommandError(`${path} has an image that cannot be decoded, ${bad.key}: ${bad.reason}.`);
  }
}
