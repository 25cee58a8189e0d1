import { type Communicator, singleRank } from '@arcface/subcenter-loss';
import { expect, test } from 'vitest';
import { rawDecoder, rawFaces } from '../testing/raw-faces.fixture.ts';
import { type Batch, DataLoader } from './data-loader.ts';

const size = { height: 6, width: 4 };
const BYTES = size.height * size.width * 3;

/** A rank that is told of what others cannot decode: nothing. */
const rankOf = (rank: number, count: number): Communicator => ({
  ...singleRank,
  rank,
  size: count,
  allGather: (values) =>
    Array.from({ length: count }, (_, other) =>
      other === rank ? values : (values.slice(0, 0) as typeof values),
    ),
});

async function batches(communicator?: Communicator): Promise<Batch[]> {
  const dataset = rawFaces({ identities: 5, imagesPerIdentity: 5, ...size });
  const loader = new DataLoader({ dataset, decoder: rawDecoder, size, batchSize: 6, seed: 3, communicator });
  const found: Batch[] = [];
  for await (const batch of loader.batches(undefined, { epochs: 2 })) found.push(batch);
  return found;
}

test.each([2, 3])('%i ranks share every batch out, and each image once', async (count) => {
  const alone = await batches();
  const ranks = await Promise.all(Array.from({ length: count }, (_, rank) => batches(rankOf(rank, count))));
  for (const [i, whole] of alone.entries()) {
    const shares = ranks.map((rank) => rank[i]!);
    const image = (batch: Batch, at: number) => batch.images.slice(at * BYTES, (at + 1) * BYTES);
    const expected = new Map([...whole.positions].map((position, at) => [position, image(whole, at)]));
    const seen: number[] = [];
    for (const share of shares) {
      // All know what all have.
      expect([...share.positions]).toEqual([...shares[0]!.positions]);
      expect(share.next).toEqual(whole.next);
      const { begin, count: own } = share.share!;
      expect(own).toBe(6 / count);
      for (let at = 0; at < own; at++) {
        const position = share.positions[begin + at]!;
        seen.push(position);
        expect(image(share, at)).toEqual(expected.get(position));
      }
    }
    expect(seen.toSorted((a, b) => a - b)).toEqual([...whole.positions].sort((a, b) => a - b));
  }
});
