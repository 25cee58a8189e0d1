import { UsageError } from '../../cli/usage-error.ts';

/** The one argument that is no option. */
export function operand([only, ...others]: readonly string[]): string {
  if (only === undefined) throw new UsageError('Which MODEL?');
  if (others.length > 0) throw new UsageError(`Expected one MODEL, found ${others.length + 1}.`);
  return only;
}

/** Help of `--input-size`. */
export const MXNET_SIDE = 'side of an image, for a checkpoint of MXNet of another size than 112';
