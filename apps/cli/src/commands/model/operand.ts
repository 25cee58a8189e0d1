/** The MODEL that the commands of `arcface model` take. */
import type { Command } from 'commander';
import { imageSides } from '../../cli/option-values.ts';
import { UsageError } from '../../cli/usage-error.ts';
import { NETWORK_OF_ARRAYS, OUTPUT_OF_SYMBOL } from '../../model-file.ts';

/** The one argument that is no option. */
export function operand([only, ...others]: readonly string[]): string {
  if (only === undefined) throw new UsageError('Which MODEL?');
  if (others.length > 0) throw new UsageError(`Expected one MODEL, found ${others.length + 1}.`);
  return only;
}

/** Adds the MODEL, and what can be said about one that does not say it itself. */
export function withModelOperand(command: Command, description: string): Command {
  return command
    .argument('<model>', description)
    .option(
      '--input-size <pixels>',
      'side of an image, or height x width (112x96), for a checkpoint of MXNet or PyTorch of another size than 112',
      imageSides(8, 4096),
    )
    .option('--network <name>', NETWORK_OF_ARRAYS)
    .option('--mxnet-output <node>', OUTPUT_OF_SYMBOL);
}
