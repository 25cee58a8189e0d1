/**
 * Batch normalisation in training, with an optional PReLU behind it, on TensorFlow's fused operations
 * (`FusedBatchNormV3`, `FusedBatchNormGradV3`, `ReluGrad`): the kernels that `operations/batch-norm-training.ts` calls, and what they
 * take and give is stated there. x is `[N, H, W, C]` or `[N, C]`, what is per channel is `[C]`, all float32; the variance is the biased one.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  attributesFor,
  BACKEND_NAME,
  type OperationAttribute,
  type TensorFlowBackend,
} from './tensorflow-backend.ts';

interface BatchNormAttributes {
  readonly epsilon: number;
}

type BatchNormTrainingInputs = Record<'x' | 'scale' | 'offset', tf.Tensor> & { readonly slope?: tf.Tensor };
type BatchNormTrainingGradInputs = BatchNormTrainingInputs & Record<'dy' | 'mean' | 'variance', tf.Tensor>;

export const batchNormTraining: tf.KernelConfig = {
  kernelName: 'BatchNormTraining',
  backendName: BACKEND_NAME,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const { x, scale, offset, slope } = inputs as BatchNormTrainingInputs;
    const { epsilon } = attrs as unknown as BatchNormAttributes;
    const tensorFlow = backend as TensorFlowBackend;
    return tf.tidy(() => {
      const none = tf.tensor1d([], 'float32');
      const [z, mean, unbiased] = tensorFlow.executeMultipleOutputs(
        'FusedBatchNormV3',
        attributes(tensorFlow, epsilon, true),
        [asImages(x), scale, offset, none, none],
        6,
      ) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const count = x.size / scale.size;
      const variance = tf.mul(unbiased, (count - 1) / count);
      const y = slope === undefined ? z : prelu(z, slope);
      return [tf.reshape(y, x.shape), mean, variance];
    });
  },
};

export const batchNormTrainingGrad: tf.KernelConfig = {
  kernelName: 'BatchNormTrainingGrad',
  backendName: BACKEND_NAME,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const { dy, x, scale, offset, mean, variance, slope } = inputs as BatchNormTrainingGradInputs;
    const { epsilon } = attrs as unknown as BatchNormAttributes;
    const tensorFlow = backend as TensorFlowBackend;
    return tf.tidy(() => {
      const images = asImages(x);
      let dz = asImages(dy);
      const dslope: tf.Tensor[] = [];
      if (slope !== undefined) {
        // z again from x: one pass, and it need not be kept from the forward step.
        const [z] = tensorFlow.executeMultipleOutputs(
          'FusedBatchNormV3',
          attributes(tensorFlow, epsilon, false),
          [images, scale, offset, mean, variance],
          6,
        ) as [tf.Tensor];
        const positive = tensorFlow.executeSingleOutput(
          'ReluGrad',
          [attributesFor(tensorFlow).float32('T')],
          [dz, z],
        );
        const negative = tf.sub(dz, positive);
        dslope.push(tf.sum(tf.mul(negative, z), [0, 1, 2]));
        dz = tf.add(positive, tf.mul(negative, slope));
      }
      // The operation's own name for what the forward step hands it is "reserve": the variance on a CPU, one over the
      // deviation on a GPU (cuDNN's habit), and a workspace that only an opt-in mode of cuDNN uses.
      const spread = tensorFlow.isUsingGpuDevice ? tf.rsqrt(tf.add(variance, epsilon)) : variance;
      const [dx, dscale, doffset] = tensorFlow.executeMultipleOutputs(
        'FusedBatchNormGradV3',
        attributes(tensorFlow, epsilon, true),
        [dz, images, scale, mean, spread, tf.tensor1d([], 'float32')],
        5,
      ) as [tf.Tensor, tf.Tensor, tf.Tensor];
      return [tf.reshape(dx, x.shape), dscale, doffset, ...dslope];
    });
  },
};

function attributes(backend: TensorFlowBackend, epsilon: number, training: boolean): OperationAttribute[] {
  const { float32, float, bool, string } = attributesFor(backend);
  return [
    float32('T'),
    float32('U'),
    float('epsilon', epsilon),
    string('data_format', 'NHWC'),
    bool('is_training', training),
  ];
}

function asImages(x: tf.Tensor): tf.Tensor {
  return x.rank === 4 ? x : tf.reshape(x, [x.shape[0]!, 1, 1, x.shape[1]!]);
}

/** Right for any slope, also above 1. */
function prelu(z: tf.Tensor, slope: tf.Tensor): tf.Tensor {
  const positive = tf.relu(z);
  return tf.add(positive, tf.mul(tf.sub(z, positive), slope));
}
