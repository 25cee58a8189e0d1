// tfjs-training-kernels: what TensorFlow.js's own backends lack for training. Nothing is registered on import.

export { TrainingKernelsError, type TrainingKernelsErrorCode } from './errors.ts';
export { registerTensorFlowKernels } from './tensorflow/register.ts';
export { registerWebGpuKernels } from './webgpu/register.ts';
