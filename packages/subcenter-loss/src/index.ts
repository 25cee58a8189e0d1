/** Sub-center ArcFace: classes with several centres, the margin losses over them, and the other losses of the reference. The table of contents: */

// Heads: the trainable sub-centres with their loss

export { initialSubcenters } from './normal-weights.ts';
export { type StreamingBatchOptions, StreamingHead, type StreamingHeadOptions } from './streaming-head.ts';
export { type BatchOptions, SubcenterHead, type SubcenterHeadOptions } from './subcenter-head.ts';

// Margins

export { type ClassSizeMarginOptions, classSizeMargins } from './class-size-margin.ts';
export type { LossSettings } from './loss-settings.ts';
export { type Margin, margins, type PastPi, resolveMargin } from './margin.ts';

// Losses as pure functions

export { type AngularTripletLossOptions, angularTripletLoss } from './angular-triplet-loss.ts';
export { type MarginSoftmaxOptions, marginSoftmaxLoss } from './margin-softmax.ts';
export { type SoftmaxLossOptions, softmaxLoss } from './softmax-loss.ts';
export { type TripletLossOptions, tripletLoss } from './triplet-loss.ts';

// Many classes: in chunks, sampled, divided among ranks

export { type ChunkSelection, type ClassChunk, type ClassRange, rankBlock } from './class-chunk.ts';
export type { ClassSampling } from './class-sampling.ts';
export { type Communicator, type Exchangeable, type PendingReduction, singleRank } from './communicator.ts';

// What a head shows while it trains

export {
  type BatchAngles,
  type ClassWarning,
  HeadMonitor,
  type HeadMonitorOptions,
  type HeadReport,
} from './head-monitor.ts';
export { ownSubcenterCosines, subcenterCosines } from './subcenter-cosines.ts';

// Errors

export { SubcenterLossError, type SubcenterLossErrorCode } from './subcenter-loss-error.ts';
