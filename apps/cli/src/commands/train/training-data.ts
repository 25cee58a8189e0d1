/** The images of a run: all of a dataset, or less, or with labels spoiled on purpose. */
import { injectNoise } from '@arcface/cleaner';
import { compactLabels, type FaceDataset, filterDataset, relabelDataset } from '@arcface/recordio';
import type { CommandContext } from '../../cli/define-command.ts';
import { CommandError } from '../../cli/usage-error.ts';
import type { TrainCommandOptions } from './training-settings.ts';

/**
 * The dataset as the run sees it: classes are the identities as the dataset lists them, without gaps.
 *
 * @throws {CommandError} when nothing is left, or an identity has no image
 */
export function trainingData(
  opened: FaceDataset,
  { imagesFilter, flipNoiseProb, seed }: Pick<TrainCommandOptions, 'imagesFilter' | 'flipNoiseProb' | 'seed'>,
  { console }: CommandContext,
): FaceDataset {
  const empty = opened.identities.filter(({ images }) => images.length === 0).length;
  if (empty > 0 && imagesFilter === 0) {
    throw new CommandError(
      `${empty} of ${opened.identities.length} identities have no image, so nothing could be learned of them. --images-filter 1 leaves them out.`,
    );
  }
  let dataset = opened;
  const large = opened.identities.filter(({ images }) => images.length >= imagesFilter);
  if (large.length < opened.identities.length) {
    const positions = large.flatMap(({ images }) => [...images]).sort((a, b) => a - b);
    if (positions.length === 0) {
      throw new CommandError(`No identity has ${imagesFilter} images or more (--images-filter).`);
    }
    console.log(
      `${opened.identities.length - large.length} identities with fewer than ${imagesFilter} images are left out, and ${opened.length - positions.length} images with them`,
    );
    dataset = compactLabels(filterDataset(opened, positions));
  } else if (!opened.identities.every(({ label }, position) => label === position)) {
    console.log(
      'the labels are not 0, 1, 2, ... in the order of the identities; classes are numbered by the identities',
    );
    dataset = compactLabels(opened);
  }
  if (flipNoiseProb === 0) return dataset;
  const noise = injectNoise(dataset.labels, { kind: 'closed', rate: flipNoiseProb, seed });
  const bad = noise.bad.reduce((sum, each) => sum + each, 0);
  console.warn(`${bad} of ${dataset.length} images are trained under the label of another identity`);
  const spoiled = relabelDataset(dataset, noise.label);
  const emptied = dataset.identities.length - spoiled.identities.length;
  if (emptied === 0) return spoiled;
  console.warn(`${emptied} identities have lost every image to others, and are no classes`);
  return compactLabels(spoiled);
}
