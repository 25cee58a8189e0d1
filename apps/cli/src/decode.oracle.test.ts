import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openFaceDataset } from '@arcface/recordio/node';
import { expect, test } from 'vitest';
import { sharpDecoder } from './decode.ts';

const oracle = fileURLToPath(new URL('../../../../shared/oracle/', import.meta.url));
const SIDE = 112;
const IMAGES = 6;

test.skipIf(!existsSync(oracle))(
  "the reference's image iterator gives the same pixels (needs ../shared)",
  async () => {
    const file = readFileSync(`${oracle}augment/key_order_first_batch_uint8.npy`);
    const planes = file.subarray(file.length - IMAGES * 3 * SIDE * SIDE);
    const dataset = await openFaceDataset(`${oracle}recordio/b_insightface.rec`);
    const keys = Array.from({ length: dataset.length }, (_, position) => dataset.key(position) as number);
    for (const [i, key] of keys
      .toSorted((a, b) => a - b)
      .slice(0, IMAGES)
      .entries()) {
      const { bytes } = await dataset.read(keys.indexOf(key));
      const pixels = await sharpDecoder.decode(bytes, { height: SIDE, width: SIDE });
      // Channels last here, first there.
      const expected = Uint8Array.from(
        pixels,
        (_, at) => planes[(3 * i + (at % 3)) * SIDE * SIDE + Math.floor(at / 3)]!,
      );
      expect(Buffer.from(pixels).equals(Buffer.from(expected)), `record ${key}`).toBe(true);
    }
    await dataset.close();
  },
);
