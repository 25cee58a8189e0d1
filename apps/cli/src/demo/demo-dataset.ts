/**
 * The demo's dataset on disk: `data/train.rec` with wrong labels, `data/truth.csv` that says which, and `held-out/` with
 * people to verify with, in LFW's layout. What the commands of `arcface` take, so that everything the demo does can be
 * repeated by hand.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFaceDataset } from '@arcface/recordio/node';
import { writeAtomically } from '../atomic-file.ts';
import {
  type DemoDatasetOptions,
  type HeldOutPlan,
  type LabelledPlan,
  type PlannedImage,
  planHeldOut,
  planNoisyFaces,
} from './noisy-faces.ts';
import { renderFace } from './render-face.ts';

/** Side of the images: aligned faces are kept at this size everywhere. */
const IMAGE_SIZE = 112;
/** Images that are drawn at once. */
const CONCURRENCY = 16;

/** Where the demo's dataset is, and what is true of it. */
export interface DemoDataset {
  /** Folder with `train.rec`. */
  readonly data: string;
  /** In data order. */
  readonly plan: readonly LabelledPlan[];
  /** Whether the label is wrong, in data order. */
  readonly bad: Uint8Array;
  readonly heldOut: { readonly images: string; readonly pairs: string; readonly plan: HeldOutPlan };
}

/** Draws the dataset into a folder. */
export async function writeDemoDataset(
  directory: string,
  options: DemoDatasetOptions & {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((done: number, total: number) => void) | undefined;
  },
): Promise<DemoDataset> {
  const { signal, onProgress } = options;
  const plan = planNoisyFaces(options);
  const heldOut = planHeldOut(options);
  const total = plan.length + heldOut.images.length;
  let done = 0;
  const drawn = <T extends PlannedImage>(images: readonly T[]): AsyncGenerator<Drawn<T>> =>
    drawAll(images, { signal, onImage: () => onProgress?.(++done, total) });

  const data = join(directory, 'data');
  await writeFaceDataset({
    directory: data,
    layout: 'insightface',
    property: { height: IMAGE_SIZE, width: IMAGE_SIZE },
    overwrite: true,
    signal,
    images: labelled(drawn(plan)),
  });
  await writeAtomically(join(data, 'truth.csv'), truthLines(plan));

  const images = join(directory, 'held-out');
  for await (const { image, bytes } of drawn(heldOut.images)) {
    const folder = join(images, image.name);
    await mkdir(folder, { recursive: true });
    await writeAtomically(join(folder, `${image.name}_${String(image.number).padStart(4, '0')}.jpg`), [
      bytes,
    ]);
  }
  const pairs = join(directory, 'held-out-pairs.txt');
  await writeAtomically(pairs, pairLines(heldOut));
  const bad = Uint8Array.from(plan, ({ label, trueLabel }) => Number(label !== trueLabel));
  return { data, plan, bad, heldOut: { images, pairs, plan: heldOut } };
}

interface Drawn<T> {
  readonly image: T;
  readonly bytes: Uint8Array;
}

async function* drawAll<T extends PlannedImage>(
  images: readonly T[],
  options: { readonly signal: AbortSignal | undefined; readonly onImage: () => void },
): AsyncGenerator<Drawn<T>> {
  for (let from = 0; from < images.length; from += CONCURRENCY) {
    options.signal?.throwIfAborted();
    const some = images.slice(from, from + CONCURRENCY);
    const drawn = await Promise.all(
      some.map(async (image) => ({
        image,
        bytes: await renderFace(image.person, image.photo, { size: IMAGE_SIZE, grainSeed: image.grainSeed }),
      })),
    );
    for (const one of drawn) {
      options.onImage();
      yield one;
    }
  }
}

async function* labelled(
  images: AsyncIterable<Drawn<LabelledPlan>>,
): AsyncGenerator<{ label: number; bytes: Uint8Array }> {
  for await (const { image, bytes } of images) yield { label: image.label, bytes };
}

function* truthLines(plan: readonly LabelledPlan[]): Generator<string> {
  yield 'bad,true\n';
  for (const { label, trueLabel } of plan) yield `${Number(label !== trueLabel)},${trueLabel}\n`;
}

/** As LFW's `pairs.txt`: ten folds, in each first the pairs of one person and then those of two. */
function* pairLines({ images, pairs }: HeldOutPlan): Generator<string> {
  yield `10\t${pairs.length / 20}\n`;
  for (const { first, second, same } of pairs) {
    const [a, b] = [images[first]!, images[second]!];
    yield same ? `${a.name}\t${a.number}\t${b.number}\n` : `${a.name}\t${a.number}\t${b.name}\t${b.number}\n`;
  }
}
