/** What a run recorded of every image, epoch by epoch (`dynamics-*.safetensors` beside its checkpoints), for the rule `aum`. */
import type { EpochMargins, TrainingMargins } from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';
import { datasetFingerprint, decodeEpochDynamics, listEpochDynamics } from '@arcface/trainer';
import { FileCheckpointStore } from '@arcface/trainer/node';
import { CommandError } from '../cli/usage-error.ts';
import type { Model } from '../model.ts';

/** Whether a model is a run that recorded something of these very images. */
export async function hasTrainingMargins(
  { checkpoints, trainedOn }: Model,
  dataset: FaceDataset,
): Promise<boolean> {
  // A run on what was left of the images recorded nothing of the others.
  if (checkpoints === undefined || trainedOn?.hash !== datasetFingerprint(dataset).hash) return false;
  return (await listEpochDynamics(new FileCheckpointStore(checkpoints))).length > 0;
}

/**
 * @param positions the images that are judged
 * @throws {CommandError} when the model is not a run, recorded nothing, or was trained on other data
 */
export async function readTrainingMargins(
  model: Model,
  dataset: FaceDataset,
  positions: Int32Array,
): Promise<TrainingMargins> {
  const { checkpoints } = model;
  if (checkpoints === undefined) {
    throw new CommandError(
      'The rule aum judges by what a training run recorded: give the folder of that run as --model.',
    );
  }
  const store = new FileCheckpointStore(checkpoints);
  const names = await listEpochDynamics(store);
  if (names.length === 0) {
    throw new CommandError(
      `${checkpoints} has no dynamics-*.safetensors: this run did not record its images' margins. Train again, or use --rule auto.`,
    );
  }
  const { hash } = datasetFingerprint(dataset);
  const epochs: EpochMargins[] = [];
  for (const name of names) {
    const { data, own, other } = decodeEpochDynamics(await store.read(name), name);
    if (data.hash !== hash) {
      throw new CommandError(
        `${name} was recorded on other data (${data.images} images of ${data.classes} identities) than is to be judged: ` +
          "the rule aum needs the run's own training set.",
      );
    }
    epochs.push({
      own: pick(own, positions),
      other: pick(other, positions),
    });
  }
  return { epochs };
}

function pick(values: Float32Array, positions: Int32Array): Float32Array {
  return Float32Array.from(positions, (position) => values[position]!);
}
