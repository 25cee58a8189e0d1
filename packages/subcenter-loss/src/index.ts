// The heads: trainable sub-centres with their loss.

export { type AngularTripletLossOptions, angularTripletLoss } from './angular-triplet-loss.ts';
export { type ChunkSelection, type ClassChunk, type ClassRange, rankBlock } from './class-chunk.ts';
export type { ClassSampling } from './class-sampling.ts';
export { type ClassSizeMarginOptions, classSizeMargins } from './class-size-margin.ts';
export { type Communicator, type Exchangeable, type PendingReduction, singleRank } from './communicator.ts';
// To look at.
export {
  type BatchAngles,
  type ClassWarning,
  HeadMonitor,
  type HeadMonitorOptions,
  type HeadReport,
} from './head-monitor.ts';
// Margins.
export type { LossSettings } from './loss-settings.ts';
export { type Margin, margins, type PastPi, resolveMargin } from './margin.ts';
// The losses as pure functions.
export { type MarginSoftmaxOptions, marginSoftmaxLoss } from './margin-softmax.ts';
export { initialSubcenters } from './normal-weights.ts';
export { type SoftmaxLossOptions, softmaxLoss } from './softmax-loss.ts';
export { type StreamingBatchOptions, StreamingHead, type StreamingHeadOptions } from './streaming-head.ts';
export { ownSubcenterCosines, subcenterCosines } from './subcenter-cosines.ts';
export { type BatchOptions, SubcenterHead, type SubcenterHeadOptions } from './subcenter-head.ts';
export { SubcenterLossError, type SubcenterLossErrorCode } from './subcenter-loss-error.ts';
export { type TripletLossOptions, tripletLoss } from './triplet-loss.ts';
