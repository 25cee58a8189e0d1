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
    ])(
      '$network: embeddings of each other’s safetensors, and a training step',
      async (config) => {
        await tf.setBackend('onnxruntime');
        const { ours, theirs, training, averages, gradients } = await compareWithTorch(config, python!);
        expect(ours).toBeLessThan(1e-5);
        expect(theirs).toBeLessThan(1e-5);
        expect(training).toBeLessThan(1e-4);
        expect(averages).toBeLessThan(1e-5);
        // Rounding puts a value here and there on the other side of a slope's kink, in a batch of four images.
        expect(gradients).toBeLessThan(3e-2);
      },
      600_000,
    );
  },
);
