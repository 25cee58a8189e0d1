/** Train and verify face-recognition networks on TensorFlow.js, and resume exactly. The table of contents: */

// Training

export type { HeadDescription } from './training/head-description.ts';
export {
  type Evaluation,
  type TrainingResult,
  type TrainingRun,
  train,
  trainingEvents,
} from './training/train.ts';
export {
  type CheckpointPolicy,
  type ResolvedTrainOptions,
  resolveTrainOptions,
  type TrainOptions,
} from './training/train-options.ts';
export type {
  CheckpointEvent,
  DamagedCheckpointEvent,
  EpochEvent,
  EvaluationEvent,
  HeadEvent,
  NonFiniteLossEvent,
  StartedEvent,
  StepEvent,
  TrainingEvent,
  UndecodableEvent,
} from './training/training-events.ts';
export type { TrainingLoss } from './training/training-loss.ts';
export { TrainingError, type TrainingErrorCode } from './training-error.ts';

// Its parts, for loops of one's own

export {
  type Duration,
  type LearningRateSchedule,
  learningRateAt,
  marginShareAt,
  type RunLength,
} from './optimisation/schedule.ts';
export { type OptimizedParameter, Sgd, type SgdOptions } from './optimisation/sgd.ts';
export { Random, type RandomState } from './random.ts';
export { withFrozenStatistics } from './training/frozen-parameters.ts';
export { type HeadOnEmbeddingsOptions, trainHeadOnEmbeddings } from './training/head-on-embeddings.ts';
export { HEAD_PARAMETER, type TrainedModel, trainableParameters, trainStep } from './training/train-step.ts';

// Ranks

export type { RankChannel, RankReply, RankRequest } from './parallel/rank-channel.ts';

// What a run records of every image

export {
  decodeEpochDynamics,
  type EpochDynamics,
  encodeEpochDynamics,
  epochDynamicsFileName,
  listEpochDynamics,
} from './training/training-dynamics.ts';

// Checkpoints

export {
  type BestCheckpoint,
  type Checkpoint,
  type CheckpointState,
  encodeCheckpoint,
  type HeadConfig,
  type TrainingProgress,
} from './checkpoints/checkpoint.ts';
export {
  type BlobPieces,
  type CheckpointStore,
  checkpointFileName,
  checkpointStep,
  listCheckpoints,
  MemoryCheckpointStore,
  type OpenBlob,
  pruneCheckpoints,
} from './checkpoints/checkpoint-store.ts';
export {
  backboneFromCheckpoint,
  type CheckpointSubcenters,
  checkpointSubcenters,
  networkTensors,
} from './checkpoints/model-checkpoint.ts';
export {
  type DamagedCheckpoint,
  decodeCheckpoint,
  type LatestCheckpoint,
  latestCheckpoint,
  loadCheckpoint,
  openCheckpoint,
  type StoredCheckpoint,
} from './checkpoints/stored-checkpoint.ts';
export type { StoredTensor } from './checkpoints/tensor-pieces.ts';

// Data: images decoded, augmented, and in batches

export {
  type AugmentationOptions,
  augment,
  type ImageAugmentation,
  type ImageSize,
  type Recompress,
} from './data/augmentation.ts';
export {
  type Batch,
  DataLoader,
  type DataLoaderOptions,
  type DataPosition,
  type UndecodableImage,
} from './data/data-loader.ts';
export { type DatasetFingerprint, datasetFingerprint } from './data/dataset-fingerprint.ts';
export {
  type DecodedImage,
  type DecodeOptions,
  decodeImage,
  type ImageDecoder,
  type ImageSource,
} from './data/image-decoder.ts';
export { mirrorImage } from './data/image-geometry.ts';
export { shuffledOrder } from './data/shuffle.ts';

// Embedding

export { type Embeddings, type EmbedOptions, type EmbedProgress, embedImages } from './embedding/embed.ts';
export type { Embedder, EmbeddingBackbone } from './embedding/embedder.ts';
export { onnxEmbedder } from './embedding/onnx-embedder.ts';
export { sideBySide } from './embedding/side-by-side.ts';

// Verification: pairs, templates, search

export { type AcceptRate, type AcceptRateOptions, acceptRates } from './verification/accept-rates.ts';
export {
  type Identification,
  type IdentificationOptions,
  identify,
  type LabelledEmbeddings,
  type OpenSetRate,
} from './verification/identification.ts';
export {
  type FacePair,
  lfwImageName,
  type PairImage,
  type PairsList,
  parsePairs,
} from './verification/pairs.ts';
export {
  type CfpProtocol,
  isPathPairs,
  type PathPair,
  parseCfpPairs,
  parsePathPairs,
} from './verification/path-pairs.ts';
export {
  type PoolOptions,
  parseTemplateMembers,
  parseTemplatePairs,
  poolTemplates,
  type TemplateEmbeddings,
  type TemplateImages,
  type TemplateMember,
  type TemplatePair,
  templateDistances,
} from './verification/templates.ts';
export {
  pairDistances,
  type Roc,
  type Verification,
  type VerificationFold,
  type VerificationOptions,
  verifyDistances,
  verifyPairs,
} from './verification/verification.ts';
export {
  type ImageVerification,
  type VerifyImagesOptions,
  verifyImages,
} from './verification/verify-images.ts';
