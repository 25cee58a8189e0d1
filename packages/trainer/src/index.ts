/** Train and verify face-recognition networks on TensorFlow.js, and resume exactly. The table of contents: */

export { type AugmentationOptions, augment, type ImageSize, mirrorImage } from './augmentation.ts';
// Checkpoints
export {
  type BestCheckpoint,
  type Checkpoint,
  type DamagedCheckpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  type HeadConfig,
  type LatestCheckpoint,
  latestCheckpoint,
  type TrainingProgress,
} from './checkpoint.ts';
export {
  type CheckpointStore,
  checkpointFileName,
  checkpointStep,
  listCheckpoints,
  MemoryCheckpointStore,
  pruneCheckpoints,
} from './checkpoint-store.ts';
// Images
export {
  type Batch,
  DataLoader,
  type DataLoaderOptions,
  type DataPosition,
  type UndecodableImage,
} from './data-loader.ts';
export { type DatasetFingerprint, datasetFingerprint } from './dataset-fingerprint.ts';
// Embedding and verification
export { type Embeddings, type EmbedOptions, type EmbedProgress, embedImages } from './embed.ts';
export { type DecodedImage, decodeImage, type ImageDecoder, type ImageSource } from './image-decoder.ts';
export {
  backboneFromCheckpoint,
  type CheckpointSubcenters,
  checkpointSubcenters,
  networkTensors,
} from './model-checkpoint.ts';
export { type FacePair, lfwImageName, type PairImage, type PairsList, parsePairs } from './pairs.ts';
export { Random, type RandomState } from './random.ts';
export {
  type Duration,
  type LearningRateSchedule,
  learningRateAt,
  marginShareAt,
  type RunLength,
} from './schedule.ts';
export { type OptimizedParameter, Sgd, type SgdOptions } from './sgd.ts';
export { shuffledOrder } from './shuffle.ts';
// Training
export { type Evaluation, type TrainingResult, type TrainingRun, train, trainingEvents } from './train.ts';
export {
  type CheckpointPolicy,
  type ResolvedTrainOptions,
  resolveTrainOptions,
  type TrainOptions,
} from './train-options.ts';
// Its parts, for loops of one's own
export { HEAD_PARAMETER, type TrainedModel, trainableParameters, trainStep } from './train-step.ts';
export { TrainingError, type TrainingErrorCode } from './training-error.ts';
export type {
  CheckpointEvent,
  DamagedCheckpointEvent,
  EpochEvent,
  EvaluationEvent,
  NonFiniteLossEvent,
  StartedEvent,
  StepEvent,
  TrainingEvent,
  UndecodableEvent,
} from './training-events.ts';
export {
  pairDistances,
  type Roc,
  type Verification,
  type VerificationFold,
  type VerificationOptions,
  verifyDistances,
  verifyPairs,
} from './verification.ts';
export { type ImageVerification, type VerifyImagesOptions, verifyImages } from './verify-images.ts';
