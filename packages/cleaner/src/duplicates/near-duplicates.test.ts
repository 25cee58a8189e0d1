import { describe, expect, it } from 'vitest';
import { identitiesFromLabels } from '../identity.ts';
import { seededRandom } from '../seeded-random.ts';
import { differenceHash, hashDistance } from './difference-hash.ts';
import { findNearDuplicates } from './near-duplicates.ts';

const SIZE = { width: 45, height: 40 };

/** Blurred noise: a picture with some structure. */
function picture(seed: number): Uint8Array {
  const random = seededRandom(seed);
  const coarse = Array.from({ length: 90 }, () => random.uniform() * 255);
  return Uint8Array.from({ length: SIZE.width * SIZE.height * 3 }, (_, i) => {
    const [x, y] = [Math.floor(i / 3) % SIZE.width, Math.floor(i / 3 / SIZE.width)];
    return coarse[Math.floor(y / 5) * 9 + Math.floor(x / 5)]!;
  });
}

describe('the perceptual hash', () => {
  it('survives brightness and noise, and differs between pictures', () => {
    const random = seededRandom(9);
    const original = picture(1);
    const altered = original.map((v) => Math.min(255, v * 0.8 + 20 + random.uniform() * 6));
    const hashes = Uint8Array.of(
      ...differenceHash(original, SIZE),
      ...differenceHash(altered, SIZE),
      ...differenceHash(picture(2), SIZE),
    );
    expect(hashDistance(hashes, 0, 1)).toBeLessThanOrEqual(2);
    expect(hashDistance(hashes, 0, 2)).toBeGreaterThan(15);
  });
});

describe('near-duplicates', () => {
  const labels = Array.from({ length: 60 }, (_, i) => Math.floor(i / 6));
  const pictures = labels.map((_, i) => picture(i));
  // 7 is 3 again, byte by byte; 40 is 20, brighter.
  pictures[7] = pictures[3]!;
  pictures[40] = pictures[20]!.map((v) => Math.min(255, v * 0.9 + 10));
  const hashes = Uint8Array.from(pictures.flatMap((pixels) => [...differenceHash(pixels, SIZE)]));
  const identities = identitiesFromLabels(labels);

  it('finds the same photo under any label, and says whether its bytes are the same', () => {
    const found = findNearDuplicates({ hashes, identities, digest: (i) => pictures[i]!.join() });
    expect(found.map(({ images }) => images)).toEqual([
      [3, 7],
      [20, 40],
    ]);
    expect(found[0]).toMatchObject({ identical: true, probability: 1, hashDistance: 0 });
    expect(found[1]!.identical).toBe(false);
    expect(found[1]!.probability).toBeGreaterThan(0.9);
  });

  it('finds by embedding what the hash does not, under one label', () => {
    const random = seededRandom(4);
    const embeddings = Float32Array.from({ length: 60 * 16 }, () => random.uniform() - 0.5);
    embeddings.copyWithin(13 * 16, 12 * 16, 13 * 16);
    const found = findNearDuplicates({ hashes, identities, embeddings, dimensions: 16 });
    expect(found.map(({ images }) => images)).toContainEqual([12, 13]);
    expect(found.find(({ images: [a] }) => a === 12)!.cosine).toBeCloseTo(1, 5);
  });

  it('does not read the embeddings of images that share a band of their hashes and look otherwise different', () => {
    const random = seededRandom(6);
    const many = Uint8Array.from({ length: 200 * 8 }, (_, i) => (i % 8 < 2 ? 7 : random.integer(256)));
    let reads = 0;
    const embeddings = {
      rows: 200,
      read: (row: number, into: Float64Array) => {
        reads += 1;
        into.fill(row + 1);
      },
    };
    const alone = identitiesFromLabels(Array.from({ length: 200 }, (_, i) => i));
    findNearDuplicates({ hashes: many, identities: alone, embeddings, dimensions: 4 });
    // Once each for their lengths; there are 19,900 pairs.
    expect(reads).toBeLessThan(300);
  });

  it('pairs every copy with the first of them, however many there are, and looks for others once', () => {
    const COPIES = 2500;
    const look = differenceHash(picture(99), SIZE);
    const altered = look.with(0, look[0]! ^ 1);
    const more = Array.from({ length: COPIES }, () => [...look]).flat();
    const found = findNearDuplicates({
      hashes: Uint8Array.of(...hashes.subarray(0, 8 * 60), ...more, ...altered),
      identities: identitiesFromLabels([...labels, ...Array.from({ length: COPIES + 1 }, (_, i) => 100 + i)]),
      digest: (image) =>
        image < 60 ? pictures[image]!.join() : image < 60 + COPIES ? 'one photo' : 'another',
    });
    const about = found.filter(({ images: [a] }) => a >= 60);
    expect(about.map(({ images }) => images)).toEqual([
      ...Array.from({ length: COPIES - 1 }, (_, i) => [60, 61 + i]),
      [60, 60 + COPIES],
    ]);
    expect(about.map(({ identical }) => identical).lastIndexOf(true)).toBe(COPIES - 2);
  });

  it('links a burst of photos that are all alike by a bounded number of pairs', () => {
    const [BURST, D] = [300, 64];
    const random = seededRandom(8);
    const noise = (scale: number) => scale * (random.uniform() - 0.5);
    const person = Float32Array.from({ length: D }, () => noise(1));
    const embeddings = Float32Array.from({ length: 2 * BURST * D }, (_, i) =>
      i < BURST * D ? person[i % D]! + noise(0.01) : noise(1),
    );
    const found = findNearDuplicates({
      hashes: Uint8Array.from({ length: 2 * BURST * 8 }, () => random.integer(256)),
      identities: identitiesFromLabels(
        Array.from({ length: 2 * BURST }, (_, i) => (i < BURST ? 0 : 1 + (i % 9))),
      ),
      embeddings,
      dimensions: D,
    });
    expect(found.length).toBeLessThanOrEqual(20 * BURST);
    expect(new Set(found.flatMap(({ images }) => images))).toEqual(
      new Set(Array.from({ length: BURST }, (_, i) => i)),
    );
  });

  it('takes no image at all, and refuses embeddings of another number', () => {
    expect(findNearDuplicates({ hashes: new Uint8Array(0), identities: [] })).toEqual([]);
    expect(() =>
      findNearDuplicates({ hashes, identities, embeddings: new Float32Array(16), dimensions: 16 }),
    ).toThrow(/60 hashes but 1 embeddings/);
  });
});
