export { type HeadDiagnostics, headDiagnostics } from './head-diagnostics.ts';
export { checkLabels } from './head-shapes.ts';
export { type Margin, margins, resolveMargin } from './margin.ts';
export { type MarginSoftmaxOptions, marginSoftmaxLoss } from './margin-softmax.ts';
export { softmaxLoss } from './softmax-loss.ts';
export { ownSubcenterCosines, subcenterCosines } from './subcenter-cosines.ts';
export { SubcenterHead, type SubcenterHeadOptions } from './subcenter-head.ts';
export { SubcenterLossError, type SubcenterLossErrorCode } from './subcenter-loss-error.ts';
export { SubcenterVotes } from './subcenter-votes.ts';
