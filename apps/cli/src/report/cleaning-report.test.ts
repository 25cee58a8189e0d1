import { decide, score } from '@arcface/cleaner';
import { describe, expect, test } from 'vitest';
import { sharpDecoder } from '../decode.ts';
import { SIDE, stripedFace } from '../testing/striped-faces.ts';
import { cleaningReport } from './cleaning-report.ts';

const END_OF_IMAGE = 2;

describe('the page of an audit', () => {
  test('shows a face whose JPEG has a small fault, as it was judged', async () => {
    const sound = await stripedFace(0, 0);
    // Bytes that belong to nothing before the end: programs for JPEG warn, and decode it.
    const faulty = Buffer.concat([
      sound.subarray(0, -END_OF_IMAGE),
      Buffer.from([1, 2, 3]),
      sound.subarray(-END_OF_IMAGE),
    ]);
    await sharpDecoder.decode(faulty, { height: SIDE, width: SIDE });

    const labels = Int32Array.of(0, 0, 0);
    const audit = score({
      embeddings: Float32Array.of(1, 0, 1, 0.1, 0, 1),
      dimensions: 2,
      labels,
      subcenters: { weights: Float32Array.of(1, 0), subcenters: 1, dimensions: 2, classOrder: 'position' },
    });
    const page = await cleaningReport({
      judged: {
        audit,
        positions: Int32Array.of(0, 1, 2),
        undecodable: [],
        duplicates: [],
        dataset: { length: 3, read: async (position) => ({ bytes: position === 2 ? faulty : sound }) },
      },
      decision: decide(audit, { kind: 'angle', degrees: 75 }),
      title: 'Faults',
    });
    expect(page.match(/data:image\/jpeg;base64,/g)).toHaveLength(3);
  });
});
