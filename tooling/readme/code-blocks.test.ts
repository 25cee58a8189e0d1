import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeBlocks } from './code-blocks.ts';
import { writeExampleFiles } from './example-files.ts';

/* Every block of TypeScript in a README is a program that runs, in a folder that has the files which it names. */

/** What a block takes as given. */
interface Setting {
  /** Runs ahead of the block. */
  readonly before?: string;
  /** Runs behind it: what the text around the block promises. */
  readonly after?: string;
  /** Parts of the block that would take too long, and what stands for them here. */
  readonly shorten?: readonly (readonly [string, string])[];
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
const SETTINGS: Readonly<Record<string, readonly Setting[]>> = {
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
  'packages/backbones/README.md': [
    {},
    { before: "import '@tensorflow/tfjs-backend-cpu';" },
    {
      before: `
        import '@tensorflow/tfjs-backend-cpu';
        import { createBackbone } from '@arcface/backbones';
        const backbone = createBackbone({ network: 'y1', width: 0.25 });`,
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
  'packages/recordio/README.md': [{}],
  // Its first block, in JavaScript, is a test of the package itself.
  'packages/subcenter-loss/README.md': [
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
  'packages/tfjs-backend-onnxruntime/README.md': [{}],
  'packages/trainer/README.md': [
    {
      shorten: [
        ["createBackbone('y1')", "createBackbone({ network: 'y1', width: 0.25 })"],
        ['epochs: 18 }, batchSize: 128', 'epochs: 1 }, batchSize: 4'],
      ],
    },
  ],
  'apps/cli/README.md': [
    { after: 'if (exitCode !== 1) throw new Error("there is no such model, so it should have failed");' },
  ],
};

const root = fileURLToPath(new URL('../../', import.meta.url));
const here = fileURLToPath(new URL('./', import.meta.url));
let files: string;
beforeAll(async () => {
  await tf.setBackend('cpu');
  files = mkdtempSync(join(tmpdir(), 'arcface-readme-'));
  await writeExampleFiles(files);
});
afterAll(() => rmSync(files, { recursive: true, force: true }));

for (const [file, settings] of Object.entries(SETTINGS)) {
  const blocks = codeBlocks(readFileSync(join(root, file), 'utf8'));
  describe(file, () => {
    test('has no block that is not run', () => expect(blocks.length).toBe(settings.length));
    for (const { index, line, code } of blocks) {
      test.concurrent(`block ${index + 1}, line ${line}`, () => run(code, settings[index]!), 180_000);
    }
  });
}

/** Runs a block as a program of its own, in the folder with the files. */
async function run(code: string, { before = '', after = '', shorten = [] }: Setting): Promise<void> {
  let block = code;
  for (const [long, short] of shorten) {
    expect(block).toContain(long);
    block = block.replace(long, short);
  }
  const folder = mkdtempSync(join(here, 'running-'));
  try {
    const program = join(folder, 'example.ts');
    writeFileSync(program, [before, block, after, 'export {};'].join('\n'));
    await promisify(execFile)(process.execPath, ['--import', import.meta.resolve('tsx'), program], {
      cwd: files,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
