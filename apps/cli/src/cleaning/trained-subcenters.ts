/** Sub-centres for identities that no network was trained on: from their embeddings alone, in seconds. */
import type { SubcenterWeights } from '@arcface/cleaner';
import { trainHeadOnEmbeddings } from '@arcface/trainer';
import type { CommandContext } from '../cli/define-command.ts';

const EPOCHS = 30;

/** @returns K rows an identity, in the order of the identities; K is 3 if not given */
export async function trainedSubcenters(
  embeddings: Float32Array,
  {
    dimensions,
    identities,
  }: { readonly dimensions: number; readonly identities: readonly { readonly images: Int32Array }[] },
  { k = 3, seed }: { readonly k?: number | undefined; readonly seed: number },
  { console, signal }: CommandContext,
): Promise<SubcenterWeights> {
  const labels = new Int32Array(embeddings.length / dimensions);
  identities.forEach(({ images }, position) => {
    for (const image of images) labels[image] = position;
  });
  const progress = console.progress('sub-centres', { total: EPOCHS, unit: 'epochs' });
  const weights = await trainHeadOnEmbeddings({
    embeddings,
    dimensions,
    labels,
    classes: identities.length,
    subcenters: k,
    seed,
    epochs: EPOCHS,
    signal,
    onProgress: (epoch) => progress.update(epoch),
  });
  progress.stop();
  return { weights, subcenters: k, dimensions, classOrder: 'position' };
}
