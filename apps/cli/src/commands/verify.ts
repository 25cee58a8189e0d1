/** `arcface verify`: how well a model tells people apart. */
import {
  acceptRates,
  embedImages,
  pairDistances,
  type Verification,
  verifyDistances,
} from '@arcface/trainer';
import type { Command } from 'commander';
import { writeAtomically } from '../atomic-file.ts';
import { useBackend } from '../backend.ts';
import {
  type CommandContext,
  type ComputeOptions,
  defineCommand,
  required,
  type SharedOptions,
  withComputeOptions,
} from '../cli/define-command.ts';
import { imagesAPass, type PassOptions, withPassOptions } from '../cli/images-a-pass.ts';
import { wholeNumber } from '../cli/option-values.ts';
import { CommandError, UsageError } from '../cli/usage-error.ts';
import { sharpDecoder } from '../decode.ts';
import { type ModelOptions, openModel, withModelOptions } from '../model.ts';
import { checkPairs, listedPairs, type PairImages, packedPairs } from '../pair-images.ts';
import { verificationReportHtml } from '../report/verification-report.ts';

interface VerifyOptions extends SharedOptions, ComputeOptions, PassOptions, ModelOptions {
  readonly bin?: string;
  readonly pairs?: string;
  readonly images?: string;
  readonly folds: number;
  readonly report?: string;
}

export function verifyCommand(): Command {
  return defineCommand<VerifyOptions>({
    name: 'verify',
    description:
      'Verify a model on pairs of images, as insightface does: embeddings of image and mirror image added, ' +
      'accuracy over ten folds, true accepts at a false-accept rate of 1e-3.',
    example: 'arcface verify --model run --pairs pairs.txt --images lfw-112x112',
    options: (command) =>
      withComputeOptions(
        withPassOptions(withModelOptions(command))
          .option('--bin <file>', 'verification pack of InsightFace, such as lfw.bin')
          .option(
            '--pairs <file>',
            "list of pairs: LFW's pairs.txt, lines of `path path 0|1`, or the Protocol folder of CFP",
          )
          .option(
            '--images <folder>',
            'images of the list: <folder>/<name>/<name>_0001.jpg, or by their paths',
          )
          .option('--folds <n>', 'contiguous folds', wholeNumber(1, 1000), 10)
          .option('--report <file>', 'HTML page with ROC curve and histogram of distances'),
      ),
    run: verify,
  });
}

async function verify(options: VerifyOptions, context: CommandContext): Promise<void> {
  const modelName = required(options.model, '--model');
  const pairs = await readPairs(options);
  checkPairs(pairs, { name: options.bin ?? options.pairs!, folds: options.folds });
  await useBackend(options);
  const model = await openModel(modelName, context, {
    ...options,
    samples: pairs.images,
    withSubcenters: false,
  });
  const { verification, xnorm, distances } = await verifyBackbone(
    { backbone: model.backbone, pairs, folds: options.folds, batchSize: imagesAPass(options) },
    context,
  );
  await model.close?.();
  const { accuracy, accuracyStd, threshold, val, valStd, far, auc } = verification;
  const { isSame } = pairs;
  const rates = acceptRates(distances, isSame);
  if (options.report !== undefined) {
    const page = verificationReportHtml({
      ...{ model: modelName, pairs: options.bin ?? options.pairs!, verification, acceptRates: rates },
      ...{ distances, isSame },
    });
    await writeAtomically(options.report, [page]);
  }
  context.console.result(
    {
      ...{ accuracy, accuracyStd, threshold, val, valStd, far, auc, xnorm, pairs: verification.pairs },
      tarAtFar: rates.map((rate) => ({
        ...{ far: rate.far, tar: rate.tar, low: rate.low, high: rate.high },
        falseAccepts: rate.falseAccepts,
      })),
      ...(options.report === undefined ? {} : { report: options.report }),
    },
    [
      `accuracy   ${accuracy.toFixed(5)} +- ${accuracyStd.toFixed(5)}   (${verification.pairs} pairs, ${options.folds} folds)`,
      `threshold  ${threshold.toFixed(3)}   (squared distance, mean over the folds)`,
      `val        ${val.toFixed(5)} +- ${valStd.toFixed(5)} at a false-accept rate of ${far.toExponential(2)}`,
      `auc        ${auc.toFixed(5)}`,
      `xnorm      ${xnorm.toFixed(3)}`,
      ...rates.map(
        (rate) =>
          `tar        ${rate.tar.toFixed(5)} (${rate.low.toFixed(4)} to ${rate.high.toFixed(4)}) at a false-accept rate of ${rate.far}${rate.falseAccepts === 0 ? ' (more than the pairs can tell: with no false accept)' : ''}`,
      ),
      ...(options.report === undefined ? [] : [`report     ${options.report}`]),
    ],
  );
}

async function readPairs({ bin, pairs, images }: VerifyOptions): Promise<PairImages> {
  if (bin !== undefined && pairs === undefined) return packedPairs(bin);
  if (pairs !== undefined && bin === undefined) return listedPairs(pairs, required(images, '--images'));
  throw new UsageError('Give the pairs either as --bin FILE or as --pairs FILE with --images FOLDER.');
}

/** Embeds the images of pairs (with their mirror images) and verifies. */
export async function verifyBackbone(
  options: {
    readonly backbone: Parameters<typeof embedImages>[0]['backbone'];
    readonly pairs: PairImages;
    readonly folds: number;
    readonly batchSize: number;
  },
  { console, signal }: CommandContext,
): Promise<{
  readonly verification: Verification;
  readonly xnorm: number;
  /** Squared distance of each pair. */
  readonly distances: Float64Array;
}> {
  const { backbone, pairs, folds, batchSize } = options;
  const progress = console.progress('embedding pairs', { total: pairs.images.length, unit: 'images' });
  const { embeddings, dimensions, failed, xnorm } = await embedImages({
    backbone,
    dataset: pairs.images,
    decoder: sharpDecoder,
    batchSize,
    flip: true,
    signal,
    onProgress: ({ done, imagesPerSecond }) => progress.update(done, { rate: imagesPerSecond }),
  });
  progress.stop();
  if (failed.length > 0) {
    throw new CommandError(
      `${failed.length} images of the pairs cannot be decoded, so the pairs cannot be verified; the first is ${failed[0]!.key}: ${failed[0]!.reason}`,
    );
  }
  const rows = new Float32Array(pairs.rows.length * dimensions);
  pairs.rows.forEach((row, i) => {
    rows.set(embeddings.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions);
  });
  const distances = pairDistances(rows, pairs.isSame.length);
  return { verification: verifyDistances(distances, pairs.isSame, { folds }), xnorm, distances };
}
