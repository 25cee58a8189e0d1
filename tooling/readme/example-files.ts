/** What the READMEs' examples find in their working folder: records, a folder of faces, a checkpoint of MXNet. */
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createBackbone,
  exportParameters,
  serializeMxnetSymbol,
  serializeNdArrays,
} from '@arcface/backbones';
import { writeFaceDataset } from '@arcface/recordio/node';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import sharp from 'sharp';

/** Writes `faces/` (folders and a `train.rec`), `model-symbol.json` and `model-0000.params`. */
export async function writeExampleFiles(folder: string): Promise<void> {
  await tf.setBackend('cpu');
  const records = join(folder, 'records');
  await writeFaceDataset({ directory: records, layout: 'insightface', images: faces() });
  for await (const { label, bytes, number } of faces()) {
    const directory = join(folder, 'faces', `person-${label}`);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, `${number}.jpg`), bytes);
  }
  for (const name of await readdir(records)) {
    await copyFile(join(records, name), join(folder, 'faces', name));
  }
  const backbone = createBackbone({ network: 'y1', width: 0.25 });
  const arrays = exportParameters(backbone);
  await writeFile(join(folder, 'model-symbol.json'), serializeMxnetSymbol(backbone.graph));
  await writeFile(
    join(folder, 'model-0000.params'),
    serializeNdArrays({ names: arrays.map(({ name }) => name), arrays }),
  );
  backbone.dispose();
}

async function* faces(): AsyncGenerator<{ label: number; number: number; bytes: Uint8Array }> {
  for (let label = 0; label < 2; label++) {
    for (let number = 0; number < 4; number++) {
      const background = { r: 200 * label, g: 60 * number, b: 90 };
      const image = sharp({ create: { width: 112, height: 112, channels: 3, background } });
      yield { label, number, bytes: await image.jpeg().toBuffer() };
    }
  }
}
