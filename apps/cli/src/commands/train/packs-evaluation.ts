/** Verification during a run, on the packs (`lfw.bin`) that lie beside the data, as the reference does. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Backbone } from '@arcface/backbones';
import type { Evaluation } from '@arcface/trainer';
import type { CommandContext } from '../../cli/define-command.ts';
import { CommandError } from '../../cli/usage-error.ts';
import { packedPairs } from '../../pair-images.ts';
import { verifyBackbone } from '../verify.ts';

export interface PacksEvaluation {
  /** Names of the packs: `lfw` for `lfw.bin`. */
  readonly packs: readonly string[];
  /** Undefined where there are none. */
  readonly evaluation: Evaluation | undefined;
}

/**
 * The first pack says which checkpoint is the best.
 *
 * @throws {CommandError} for a pack that cannot be verified on: no pair, or only one kind of pairs
 */
export async function evaluationOnPacks(
  data: string,
  { backbone, everySteps }: { readonly backbone: Backbone; readonly everySteps: number },
  context: CommandContext,
): Promise<PacksEvaluation> {
  const folder = (await stat(data)).isDirectory() ? data : dirname(data);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.bin')).sort();
  const packs = files.map((file) => file.slice(0, -'.bin'.length));
  if (packs.length === 0) return { packs, evaluation: undefined };
  const pairs = await Promise.all(files.map((file) => packedPairs(join(folder, file))));
  for (const [i, { isSame }] of pairs.entries()) {
    const same = isSame.filter(Boolean).length;
    if (same > 0 && same < isSame.length) continue;
    throw new CommandError(
      `${join(folder, files[i]!)} has ${isSame.length} pairs, ${same} of them of one person; verification needs both kinds. Move it out of the folder, or repair it.`,
    );
  }
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
          const { verification } = await verifyBackbone({ backbone, pairs: pairs[i]!, folds }, context);
          accuracies[name] = verification.accuracy;
        }
        return accuracies;
      },
    },
  };
}
