import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AutoScores, autoScores, seededRandom, strangerScores } from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useBackend } from '../backend.ts';
import { EmbeddingStore } from './embedding-store.ts';
import { readSlices } from './safetensors-slices.ts';
import { handOut, joinedRounds, RoundForOthers, scoreShard } from './scoring-rounds.ts';
import { storedRows } from './stored-rows.ts';
import { readAll, surveyChunks } from './survey.ts';

/* A network that sees one pixel: its three channels are the embedding, and nine in ten images are their person's colour. */

const IMAGES = 90;
const PEOPLE = 6;
let folder: string;
const random = seededRandom(1);
const labels = Int32Array.from({ length: IMAGES }, () => random.integer(PEOPLE));
const shown = labels.map((label) => (random.uniform() < 0.1 ? random.integer(PEOPLE) : label));
const pixels = Array.from(shown, (person) =>
  [0, 1, 2].map((channel) =>
    Math.round(90 + 80 * Math.sin(person * 5 + channel * 3) + 30 * random.uniform()),
  ),
);
const dataset: FaceDataset = {
  length: IMAGES,
  labels,
  identities: [],
  key: (i) => i,
  read: async (i) => ({ key: i, label: labels[i]!, bytes: Uint8Array.of(i) }),
  close: async () => {},
};
const decoder = {
  async decode(bytes: Uint8Array) {
    if (bytes[0] === 20) throw new Error('not an image');
    return Uint8Array.from(pixels[bytes[0]!]!);
  },
};
const backbone = {
  inputShape: [1, 1, 3] as [number, number, number],
  embeddingSize: 3,
  apply: (images: tf.Tensor4D) => tf.mean(images, [1, 2]) as tf.Tensor2D,
};
const signal = new AbortController().signal;

let store: EmbeddingStore;
let positions: Int32Array;
let input: { dimensions: number; labels: Int32Array };
let atOnce: AutoScores;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-scoring-'));
  writeFileSync(join(folder, 'model'), 'a network');
  await useBackend({ backend: 'onnxruntime', threads: 1 });
  store = await EmbeddingStore.open({
    directory: join(folder, 'work'),
    dataset,
    model: join(folder, 'model'),
    chunkImages: 7,
  });
  await store.fill({ backbone, decoder, batchSize: 16, signal, onProgress: () => {} });
  const survey = await surveyChunks(store, dataset);
  positions = survey.positions;
  expect(positions.length).toBe(IMAGES - 1);
  input = { dimensions: 3, labels: positions.map((position) => labels[position]!) };
  atOnce = autoScores({ ...input, embeddings: await readAll(store, survey) });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rows = () => storedRows(store, positions, 3);
const clearScores = () => {
  for (const name of readdirSync(store.directory)) {
    if (name.startsWith('sco')) rmSync(join(store.directory, name));
  }
};

/** Everybody's turns until all is judged; `skip` leaves a shard out of a round, for the next time round. */
async function inTurns<T>(
  count: number,
  judge: (scoreRound: ReturnType<typeof joinedRounds>) => T,
  skip: (round: number, shard: number) => boolean = () => false,
): Promise<{ result: T; turns: number[] }> {
  const turns: number[] = [];
  for (;;) {
    try {
      return { result: judge(joinedRounds(store, positions, { leave: true })), turns };
    } catch (error) {
      if (!(error instanceof RoundForOthers)) throw error;
      const again = turns.includes(error.number);
      turns.push(error.number);
      await handOut(store, positions, error);
      for (let index = count - 1; index >= 0; index--) {
        if (!again && skip(error.number, index)) continue;
        const scored = await scoreShard(store, { index, count }, { signal, onProgress: () => {} });
        expect(scored?.round).toBe(error.number);
      }
    }
  }
}

describe('rounds of scoring', () => {
  test('rows that are read one by one, and scores made chunk by chunk, judge as all in memory do', () => {
    expect(atOnce.pClean.some((p) => p < 0.5)).toBe(true);
    const chunkwise = joinedRounds(store, positions, { leave: false });
    expect(autoScores({ ...input, embeddings: rows() }, { scoreRound: chunkwise })).toEqual(atOnce);
  });

  test.each([1, 2, 3, 4])(
    '%i shards that score in turns judge as one does, to the last bit',
    async (count) => {
      clearScores();
      const { result, turns } = await inTurns(count, (scoreRound) =>
        autoScores({ ...input, embeddings: rows() }, { scoreRound }),
      );
      expect(turns).toEqual([1, 2, 3, 4]);
      expect(result).toEqual(atOnce);
    },
  );

  test('a shard that was lost is waited for, and can be repeated; what is scored stays scored', async () => {
    clearScores();
    const { result, turns } = await inTurns(
      3,
      (scoreRound) => autoScores({ ...input, embeddings: rows() }, { scoreRound }),
      (round, shard) => round === 2 && shard === 1,
    );
    expect(turns).toEqual([1, 2, 2, 3, 4]);
    expect(result).toEqual(atOnce);
    const repeated = await scoreShard(store, { index: 0, count: 3 }, { signal, onProgress: () => {} });
    expect(repeated).toEqual({ round: 4, images: 0 });
  });

  test('the rule for networks trained on these labels is divided the same way', async () => {
    clearScores();
    const { result, turns } = await inTurns(2, (scoreRound) =>
      strangerScores({ ...input, embeddings: rows() }, { scoreRound }),
    );
    expect(turns).toEqual([1, 2, 3, 4, 5, 6]);
    expect(readSlices(join(store.directory, 'scoring.safetensors'), (plan) => plan.has('whitening'))).toBe(
      true,
    );
    expect(result).toEqual(strangerScores({ ...input, embeddings: rows() }));
  });

  test('scores of which a part is missing are refused by name', () => {
    const [scores] = readdirSync(store.directory).filter((name) => name.startsWith('scores-'));
    truncateSync(join(store.directory, scores!), 500);
    expect(() =>
      strangerScores(
        { ...input, embeddings: rows() },
        { scoreRound: joinedRounds(store, positions, { leave: false }) },
      ),
    ).toThrow(new RegExp(`${scores} is damaged`));
  });

  test('a plan of another network is no plan', async () => {
    writeFileSync(join(folder, 'other'), 'another network');
    const other = await EmbeddingStore.open({
      directory: store.directory,
      dataset,
      model: join(folder, 'other'),
      chunkImages: 7,
    });
    expect(await scoreShard(other, { index: 0, count: 1 }, { signal, onProgress: () => {} })).toBeUndefined();
  });
});
