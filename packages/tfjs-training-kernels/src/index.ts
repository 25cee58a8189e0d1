// tfjs-training-kernels: what TensorFlow.js lacks for training convolutional networks. Operations that run on every backend,
// on a kernel of its own where it has one; and kernels for tfjs-node. Nothing is registered on import.

export { holdGradient, releaseGradientsEarly } from './backward/release-early.ts';
export { TrainingKernelsError, type TrainingKernelsErrorCode } from './errors.ts';
export {
  type AngularMargin,
  angularMargin,
  type MarginValue,
  type PerRow,
  SMALLEST_ANGLE,
} from './operations/angular-margin.ts';
export {
  type BatchNormTrainingInput,
  type BatchNormTrainingResult,
  batchNormTraining,
} from './operations/batch-norm-training.ts';
export { type GroupedConvolutionOptions, groupedConv2d } from './operations/grouped-convolution.ts';
export {
  type MarginSoftmaxInput,
  type MarginSoftmaxOptions,
  marginSoftmax,
} from './operations/margin-softmax.ts';
export { maxOfGroupsGradient } from './operations/max-of-groups.ts';
export { isOwnClass } from './operations/own-class.ts';
export { registerTensorFlowKernels } from './tensorflow/register.ts';
