/** What is said, and kept, of a step that went wrong: no memory, or numbers that are not finite. */
import type { Batch } from '../data/data-loader.ts';
import { messageOf, TrainingError } from '../training-error.ts';
import type { ResolvedTrainOptions } from './train-options.ts';

/** An error of a step as it is to be thrown: one that says what to lower, where the backend got no memory. */
export function whyStepFailed(
  error: unknown,
  { batchSize, accumulate }: Pick<ResolvedTrainOptions, 'batchSize' | 'accumulate'>,
): unknown {
  const message = messageOf(error);
  if (
    !/out of memory|bad_alloc|allocat\w* (memory|failed)|failed to allocate|memory allocation/i.test(message)
  )
    return error;
  const parts = accumulate > 1 ? ` in ${accumulate} parts` : '';
  return new TrainingError(
    'out-of-memory',
    `A step of ${batchSize} images${parts} does not fit into memory (${message}). Lower the batch size, divide it (accumulate), or take a smaller network or smaller images.`,
    { cause: error },
  );
}

/** @param run.saved name of the last checkpoint. @param run.keys of the images of the batch */
export function notFinite(
  what: string,
  { saved, keys = [] }: { readonly saved: string | undefined; readonly keys?: readonly (number | string)[] },
): TrainingError {
  const kept = saved ? ` The last checkpoint, ${saved}, is intact.` : '';
  return new TrainingError(
    'non-finite-loss',
    `${what}: this batch, or the update before it, is more than the network can take. Lower the learning rate, warm it up, or clip the gradient.${kept}`,
    { keys },
  );
}

/** Names of such files as {@link failedBatch} makes. */
export const FAILED_BATCH = /^non-finite-\d{8,15}\.json$/;

/** The images of a step whose loss is not finite, as a file in which they can be looked at. */
export function failedBatch(
  { keys, positions, epoch, index }: Batch,
  { step, loss }: { readonly step: number; readonly loss: number },
): { name: string; bytes: Uint8Array } {
  const content = { step, epoch, batch: index, loss: String(loss), keys, positions: [...positions] };
  return {
    name: `non-finite-${String(step).padStart(8, '0')}.json`,
    bytes: new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`),
  };
}
