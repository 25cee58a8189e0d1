import { type DuplicatePair, decide, score } from '@arcface/cleaner';
import { describe, expect, test } from 'vitest';
import { sharpDecoder } from '../decode.ts';
import { SIDE, stripedFace } from '../testing/striped-faces.ts';
import { cleaningReport } from './cleaning-report.ts';

const END_OF_IMAGE = 2;

const audit = score({
  embeddings: Float32Array.of(1, 0, 1, 0.1, 0, 1),
  dimensions: 2,
  labels: Int32Array.of(0, 0, 0),
  subcenters: { weights: Float32Array.of(1, 0), subcenters: 1, dimensions: 2, classOrder: 'position' },
});
const judged = { audit, positions: Int32Array.of(0, 1, 2), undecodable: [], duplicates: [] };
const decision = decide(audit, { kind: 'angle', degrees: 75 });

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
    const read = async (position: number) => ({ bytes: position === 2 ? faulty : sound });
    const page = await cleaningReport({
      judged: { ...judged, dataset: { length: 3, read } },
      decision,
      title: 'Faults',
    });
    expect(page.match(/data:image\/jpeg;base64,/g)).toHaveLength(3);
  });

  test('lists the surest of what there is much of, and says how much more there is and where', async () => {
    const duplicates = Array.from(
      { length: 2050 },
      (_, i): DuplicatePair => ({
        images: [0, 1],
        hashDistance: 1,
        identical: false,
        probability: 1 - i / 1e4,
      }),
    );
    const undecodable = Array.from({ length: 1060 }, (_, i) => ({
      key: `${i}.jpg`,
      position: i,
      reason: 'no image',
    }));
    const page = await cleaningReport({
      judged: { ...judged, duplicates, undecodable, dataset: { length: 3 } },
      decision,
      title: 'Much',
    });
    expect(page.match(/<td>0 = 1<\/td>/g)).toHaveLength(50);
    expect(page).toContain('and 2,000 more; the summary beside the audit has the first 1,000.');
    expect(page.match(/<td>no image<\/td>/g)).toHaveLength(50);
    expect(page).toContain('and 1,010 more');
  });
});
