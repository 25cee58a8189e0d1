// The two networks of the benchmark, written directly on tfjs: MobileFaceNet as InsightFace's `y1` has it (128 numbers
// out) and IR-ResNet-50 (512 out), on 112x112 RGB images. `pytorch_peer.py` has the same ones.

import * as tf from '@tensorflow/tfjs-core';

type Image = tf.Tensor4D;
type Layer = (x: Image, training: boolean) => Image;

const epsilon = 2e-5;

function weights(shape: number[], deviation: number): tf.Variable {
  return tf.variable(tf.randomNormal(shape, 0, deviation));
}

/** Batch normalisation, and PReLU if asked, through the fused kernels. */
function normalise(channels: number, withSlope: boolean): Layer {
  const scale = tf.variable(tf.ones([channels]));
  const offset = tf.variable(tf.zeros([channels]));
  const slope = withSlope ? tf.variable(tf.fill([channels], 0.25)) : null;
  const mean = tf.variable(tf.zeros([channels]), false);
  const variance = tf.variable(tf.ones([channels]), false);
  const given: tf.Tensor[] = slope ? [scale, offset, slope] : [scale, offset];
  const train = tf.customGrad((x, ...rest) => {
    const save = rest.pop() as unknown as tf.GradSaveFunc;
    const [scaleIn, offsetIn, slopeIn] = rest as tf.Tensor[];
    const inputs = {
      x: x as tf.Tensor,
      scale: scaleIn!,
      offset: offsetIn!,
      ...(slopeIn && { slope: slopeIn }),
    };
    const [y, batchMean, batchVariance] = tf
      .engine()
      .runKernel('BatchNormTraining', inputs, { epsilon }) as unknown as tf.Tensor[];
    save([...Object.values(inputs), batchMean!, batchVariance!]);
    return {
      value: y!,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [savedX, savedScale, savedOffset, ...others] = saved;
        const [savedMean, savedVariance] = others.slice(-2);
        const gradientInputs = {
          dy,
          x: savedX!,
          scale: savedScale!,
          offset: savedOffset!,
          mean: savedMean!,
          variance: savedVariance!,
          ...(slope && { slope: others[0]! }),
        };
        return tf
          .engine()
          .runKernel('BatchNormTrainingGrad', gradientInputs, { epsilon }) as unknown as tf.Tensor[];
      },
    };
  });
  return (x, training) => {
    if (training) return train(x, ...given) as Image;
    const y = tf.batchNorm(
      x,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      offset as tf.Tensor1D,
      scale as tf.Tensor1D,
      epsilon,
    );
    return slope ? tf.prelu(y, slope as unknown as Image) : y;
  };
}

function convolution(inputs: number, outputs: number, kernel: number, stride: number, pad: number): Layer {
  const filter = weights([kernel, kernel, inputs, outputs], Math.sqrt(2 / (kernel * kernel * inputs)));
  return (x) => tf.conv2d(x, filter as unknown as tf.Tensor4D, stride, pad);
}

function depthwise(channels: number, kernel: number, stride: number, pad: number): Layer {
  const filter = weights([kernel, kernel, channels, 1], Math.sqrt(2 / (kernel * kernel)));
  return (x) => tf.depthwiseConv2d(x, filter as unknown as tf.Tensor4D, stride, pad);
}

const sequence =
  (...layers: Layer[]): Layer =>
  (x, training) =>
    layers.reduce((value, layer) => layer(value, training), x);

const residual = (body: Layer, shortcut: Layer = (x) => x): Layer => {
  return (x, training) => tf.add(shortcut(x, training), body(x, training));
};

export type Network = (images: Image, training: boolean) => tf.Tensor2D;

function embedding(body: Layer, inputs: number, outputs: number): Network {
  const matrix = weights([outputs, inputs], Math.sqrt(1 / inputs));
  const bias = tf.variable(tf.zeros([outputs]));
  const last = normalise(outputs, false);
  return (images, training) => {
    const features = tf.transpose(body(images, training), [0, 3, 1, 2]);
    const flat = tf.reshape(features, [images.shape[0], inputs]);
    const dense = tf.add(tf.matMul(flat, matrix as unknown as tf.Tensor2D, false, true), bias);
    return last(dense as unknown as Image, training) as unknown as tf.Tensor2D;
  };
}

export function mobileFaceNet(): Network {
  const expand = (inputs: number, outputs: number) =>
    sequence(convolution(inputs, outputs, 1, 1, 0), normalise(outputs, true));
  const project = (inputs: number, outputs: number) =>
    sequence(convolution(inputs, outputs, 1, 1, 0), normalise(outputs, false));
  const spatial = (channels: number, stride: number) =>
    sequence(depthwise(channels, 3, stride, 1), normalise(channels, true));
  const bottleneck = (inputs: number, outputs: number, inner: number, stride: number) =>
    sequence(expand(inputs, inner), spatial(inner, stride), project(inner, outputs));
  const repeat = (count: number, channels: number, inner: number) =>
    Array.from({ length: count }, () => residual(bottleneck(channels, channels, inner, 1)));
  const body = sequence(
    convolution(3, 64, 3, 2, 1),
    normalise(64, true),
    spatial(64, 1),
    bottleneck(64, 64, 128, 2),
    ...repeat(4, 64, 128),
    bottleneck(64, 128, 256, 2),
    ...repeat(6, 128, 256),
    bottleneck(128, 128, 512, 2),
    ...repeat(2, 128, 256),
    expand(128, 512),
    depthwise(512, 7, 1, 0),
    normalise(512, false),
  );
  return embedding(body, 512, 128);
}

export function irResNet50(): Network {
  const unit = (inputs: number, outputs: number, stride: number) => {
    const body = sequence(
      normalise(inputs, false),
      convolution(inputs, outputs, 3, 1, 1),
      normalise(outputs, true),
      convolution(outputs, outputs, 3, stride, 1),
      normalise(outputs, false),
    );
    if (stride === 1 && inputs === outputs) return residual(body);
    return residual(body, sequence(convolution(inputs, outputs, 1, stride, 0), normalise(outputs, false)));
  };
  const layers: Layer[] = [convolution(3, 64, 3, 1, 1), normalise(64, true)];
  let channels = 64;
  for (const [units, outputs] of [
    [3, 64],
    [4, 128],
    [14, 256],
    [3, 512],
  ] as const) {
    for (let i = 0; i < units; i++) {
      layers.push(unit(channels, outputs, i === 0 ? 2 : 1));
      channels = outputs;
    }
  }
  layers.push(normalise(512, false));
  return embedding(sequence(...layers), 512 * 7 * 7, 512);
}
