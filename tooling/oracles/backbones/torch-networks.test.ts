/** Networks with PyTorch's names embed and train as PyTorch's own modules do. `torch-networks.ts` compares all of them. */
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { describe, expect, it } from 'vitest';
import { findPython } from '../python.ts';
import { compareWithTorch, type TorchNetwork } from './torch-comparison.ts';

const { python, missing } = findPython({
  variable: 'ARCFACE_TORCH_PYTHON',
  modules: ['torch', 'safetensors'],
});

describe.skipIf(python === undefined)(
  `networks with PyTorch’s names${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    it.each<TorchNetwork>([
      { network: 'iresnet18', blocks: [1, 2, 1, 1], embeddingSize: 64 },
      { network: 'mbf', blocks: [1, 1, 1, 1], embeddingSize: 64 },
    ])('$network: embeddings of each other’s safetensors, and a training step', async (config) => {
      await tf.setBackend('onnxruntime');
      const found = await compareWithTorch(config, python!);
      expect(found.ours).toBeLessThan(1e-5);
      expect(found.theirs).toBeLessThan(1e-5);
      expect(found.training).toBeLessThan(1e-4);
      expect(found.averages).toBeLessThan(1e-5);
      expect(found.gradients).toBeLessThan(5 * found.gradientsOfTorch);
      // What is on another side of a slope's kink than in float64 is there by rounding.
      expect(found.furthest).toBeLessThan(1e-5);
    });
  },
);
