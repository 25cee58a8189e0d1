/** What stands around the blocks of code of each page, so that every one of them is a whole program. */

/** What a block takes as given. */
export interface Setting {
  /** Runs ahead of the block. */
  readonly before?: string;
  /** Runs behind it: what the text around the block promises. */
  readonly after?: string;
  /** Parts of the block that would take too long, and what stands for them here. */
  readonly shorten?: readonly (readonly [string, string])[];
  /** An optional package that the block is about: where it is not installed, the block is skipped. */
  readonly needs?: string;
  /** Runs as so many processes under mpirun; where that is not installed, the block is skipped. */
  readonly ranks?: number;
}

const BACKEND = "import 'tfjs-backend-onnxruntime'; import * as tf from '@tensorflow/tfjs-core';";
const TINY_BACKBONE = `
import { createBackbone } from '@arcface/backbones';
await tf.setBackend('onnxruntime');
const backbone = createBackbone({ network: 'y1', width: 0.25 });
const images = tf.randomUniform<tf.Rank.R4>([2, 112, 112, 3], 0, 255);`;
const DECODER = `
import sharp from 'sharp';
const decoder = {
  decode: (bytes: Uint8Array, size: { width: number; height: number }) =>
    sharp(bytes).resize(size.width, size.height).raw().toBuffer(),
};`;

/** By file, in the order of its blocks. A block that is not listed here fails. */
export const SETTINGS: Readonly<Record<string, readonly Setting[]>> = {
  'README.md': [
    { after: 'if (bytes[0] !== 0xff) throw new Error("not the JPEG as it is stored");' },
    {
      before: `${BACKEND} await tf.setBackend('onnxruntime'); const images = tf.zeros<tf.Rank.R4>([2, 112, 112, 3]);`,
      after: 'if (String(embeddings.shape) !== "2,128") throw new Error("other shape");',
    },
    {
      before: `${BACKEND}${TINY_BACKBONE} const labels = Int32Array.of(3, 999);`,
      after:
        'if (!Number.isFinite(value.dataSync()[0]) || Object.keys(grads).length < 50) throw new Error();',
    },
    {
      before: `
        const embeddings = Float32Array.from({ length: 4 * 128 }, (_, i) => Math.sin(i));
        const labels = Int32Array.of(0, 0, 1, 1);
        const weights = Float32Array.from({ length: 6 * 128 }, (_, i) => Math.cos(i));
        const subcenters = { weights, subcenters: 3, dimensions: 128, classOrder: 'position' as const };`,
    },
    {
      before: `${BACKEND}${TINY_BACKBONE}${DECODER}
        import { openFaceDataset } from '@arcface/recordio/node';
        import { SubcenterHead } from '@arcface/subcenter-loss';
        import { FileCheckpointStore } from '@arcface/trainer/node';
        const dataset = await openFaceDataset('faces/train.rec');
        const head = new SubcenterHead({ classes: 2, embeddingSize: backbone.embeddingSize });
        const store = new FileCheckpointStore('checkpoints');
        const pairEmbeddings = Float32Array.from({ length: 40 * 8 }, (_, i) => Math.sin(i));
        const isSame = Array.from({ length: 20 }, (_, i) => i % 2 === 0);`,
      shorten: [['resume: true', 'resume: true, options: { duration: { steps: 2 }, batchSize: 4 }']],
    },
    {},
  ],
  'packages/alignment/README.md': [
    { after: 'if (face.data.length !== 112 * 112 * 3) throw new Error("not the size that is said");' },
  ],
  'packages/backbones/README.md': [
    {},
    { before: "import '@tensorflow/tfjs-backend-cpu';" },
    {
      before: `
        import '@tensorflow/tfjs-backend-cpu';
        import { createBackbone } from '@arcface/backbones';
        const backbone = createBackbone({ network: 'y1', width: 0.25 });`,
    },
    {
      before: `
        import '@tensorflow/tfjs-backend-cpu';
        import { createBackbone, exportParameters, serializeSafetensors } from '@arcface/backbones';
        const trained = createBackbone({ network: 'mbf', width: 1, blocks: [1, 1, 1, 1], embeddingSize: 32 });
        const file = serializeSafetensors({ tensors: exportParameters(trained, { prefixes: false }) });`,
      after: "if (recognised.embeddingSize !== 32) throw new Error('recognised as another network');",
    },
  ],
  'packages/cleaner/README.md': [
    {},
    {
      before: `import { decide, scoreByModes } from '@arcface/cleaner';
        const embeddings = Float32Array.from([1, 0, 9, 1, 9, 0, 0, 9, 1, 9, 0, 8, 0, 9, 9, 1]);
        const audit = scoreByModes({ embeddings, dimensions: 2, labels: Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1) });`,
    },
  ],
  'packages/mpi/README.md': [
    { ranks: 4, after: 'if (String(values) !== "6,4") throw new Error(String(values));' },
  ],
  'packages/onnx-format/README.md': [{}],
  'packages/recordio/README.md': [{}],
  'packages/subcenter-loss/README.md': [
    // What it learns is a test of the package itself.
    {},
    {
      before: `${BACKEND}
        import { StreamingHead } from '@arcface/subcenter-loss';
        await tf.setBackend('onnxruntime');
        const weights = tf.variable(tf.randomNormal<tf.Rank.R2>([8, 128]));
        const network = (images: tf.Tensor2D) => tf.matMul(images, weights);
        const networkVariables = [weights];
        const images = tf.randomNormal<tf.Rank.R2>([4, 8]);
        const labels = Int32Array.of(0, 1, 99, 5);`,
      after:
        'if (!Number.isFinite(value.dataSync()[0]) || Object.keys(grads).length !== 1) throw new Error();',
      shorten: [['classes: 1_000_000', 'classes: 100']],
    },
    {
      before: `import '@tensorflow/tfjs-backend-cpu';
        import { StreamingHead } from '@arcface/subcenter-loss';
        import { createThreadGroup, threadCommunicator } from '@arcface/subcenter-loss/node';
        const [group, rank, classes, embeddingSize] = [createThreadGroup(4), 2, 10, 4];`,
    },
  ],
  'packages/tfjs-backend-onnxruntime/README.md': [{}, {}],
  'packages/tfjs-training-kernels/README.md': [{}, { needs: '@tensorflow/tfjs-node' }],
  'packages/trainer/README.md': [
    {
      shorten: [
        ["createBackbone('y1')", "createBackbone({ network: 'y1', width: 0.25 })"],
        ['epochs: 18 }, batchSize: 128', 'epochs: 1 }, batchSize: 4'],
      ],
    },
  ],
  'docs/guides/train-your-own.md': [
    { after: 'if (config.data !== "faces" || config.lrSteps[1] !== 6000) throw new Error();' },
  ],
  'docs/guides/one-package.md': [{}, { after: 'if (decision.verdicts === undefined) throw new Error();' }],
  'docs/guides/browser.md': [
    {
      before: "import { readFileSync } from 'node:fs';",
      after: `
        if (String(await labelsOf(new Blob([readFileSync('faces/train.rec')]))) !== '0,0,0,0,1,1,1,1') throw new Error();
        const embeddings = Float32Array.from([1, 0, 9, 1, 9, 0, 8, 1, 0, 9, 1, 9, 0, 8, 1, 8]);
        keptOf(embeddings, 2, Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1));`,
    },
    {},
  ],
  'docs/guides/from-arcface-torch.md': [
    {
      before: `
        import { writeFileSync } from 'node:fs';
        import { exportParameters, serializeSafetensors } from '@arcface/backbones';
        const given = createBackbone({ network: 'iresnet18', width: 0.25 }, { seed: 5 });
        writeFileSync('backbone.safetensors', serializeSafetensors({ tensors: exportParameters(given, { prefixes: false }) }));`,
      shorten: [["createBackbone('iresnet18')", "createBackbone({ network: 'iresnet18', width: 0.25 })"]],
      after: `
        for (const [name, { variable }] of backbone.parameters) {
          const [ours, theirs] = [variable.dataSync(), given.parameters.get(name)!.variable.dataSync()];
          if (ours.some((value, at) => value !== theirs[at])) throw new Error('not what was in the file');
        }`,
    },
    { shorten: [["createBackbone('iresnet18')", "createBackbone({ network: 'iresnet18', width: 0.25 })"]] },
  ],
  'tooling/tfjs-node/README.md': [{ needs: '@tensorflow/tfjs-node' }],
  'apps/cli/README.md': [
    { after: 'if (exitCode !== 1) throw new Error("there is no such model, so it should have failed");' },
  ],
};

/** The block as a program: what it takes as given, itself, and what the text around it promises. */
export function programOf(code: string, { before = '', after = '', shorten = [] }: Setting): string {
  let block = code;
  for (const [long, short] of shorten) {
    if (!block.includes(long)) throw new Error(`The block has no "${long}" to shorten:\n${code}`);
    block = block.replace(long, short);
  }
  return [before, block, after, 'export {};'].join('\n');
}
