/**
 * Rounds of scoring, divided among those who share a folder of embeddings. Comparing every image with every identity is nearly all the
 * work of the rules `auto` and `self-trained`. The one takes four rounds, the other six, and each round needs what the one before it found. So the
 * folder has, beside the embeddings,
 *
 *   scoring.safetensors                  the plan of the round that is to be scored, as large as the identities need
 *   scores-<plan>-<chunk>.safetensors    what came of it, chunk by chunk
 *
 * A shard scores the chunks that are its own; merge reads what is there, plans the next round, and in the end judges. It gets there by
 * itself, too: what nobody has scored it scores. Chunks are cut at the same images whoever scores them, and nothing is summed across
 * them before all are joined in data order, so the bytes of the audit do not depend on who did what.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type NamedArray, serializeSafetensors } from '@arcface/backbones';
import {
  type ScoredPortion,
  type ScoreRound,
  type ScoringPlan,
  type ScoringRound,
  scorePortion,
  unitRows,
} from '@arcface/cleaner';
import { writeAtomically } from '../atomic-file.ts';
import { type EmbeddingStore, readableRows, type Shard } from './embedding-store.ts';
import { readSlices, SafetensorsSlices } from './safetensors-slices.ts';

const PLAN_FILE = 'scoring.safetensors';
const PLAN_FORMAT = 'arcface-scoring';
/** Arrays of a plan with a row of all dimensions for each entry. */
const MATRICES = new Set(['centres', 'whitening']);

/** Thrown when a round is to be scored by others. */
export class RoundForOthers {
  readonly round: ScoringRound;
  readonly number: number;
  readonly plan: string;
  constructor(round: ScoringRound, number: number, plan: string) {
    this.round = round;
    this.number = number;
    this.plan = plan;
  }
}

/**
 * Reads the scores that are there, and computes the others.
 *
 * @param positions of the images in the dataset
 * @param options.leave leave the first round that nobody has scored in full to others: throws {@link RoundForOthers}
 */
export function joinedRounds(
  store: EmbeddingStore,
  positions: Int32Array,
  { leave }: { readonly leave: boolean },
): ScoreRound {
  const first = firstImages(store, positions);
  let number = 0;
  return function* (round) {
    number += 1;
    const digest = digestOf(round);
    const path = (chunk: number): string => scoresPath(store, digest, chunk);
    if (
      leave &&
      Array.from({ length: store.chunks }, (_, chunk) => path(chunk)).some((it) => !existsSync(it))
    )
      throw new RoundForOthers(round, number, digest);
    for (let chunk = 0; chunk < store.chunks; chunk++) {
      yield existsSync(path(chunk))
        ? readScores(path(chunk), first[chunk + 1]! - first[chunk]!)
        : scorePortion(round.plan, {
            first: first[chunk]!,
            home: round.images.home.subarray(first[chunk], first[chunk + 1]),
            own: round.images.own.subarray(first[chunk], first[chunk + 1]),
            read: (index, into) => round.images.read(first[chunk]! + index, into),
          });
    }
  };
}

/** Hands a round out: shards find it and score their chunks. */
export async function handOut(
  store: EmbeddingStore,
  positions: Int32Array,
  { round: { plan, images }, number, plan: digest }: RoundForOthers,
): Promise<void> {
  const { dimensions, ...arrays } = plan;
  const tensors = Object.entries({ ...arrays, home: images.home, own: images.own }).map(([name, data]) =>
    tensor(name, data, MATRICES.has(name) ? [data.length / dimensions, dimensions] : [data.length]),
  );
  const first = firstImages(store, positions);
  const bytes = serializeSafetensors({
    tensors: [...tensors, tensor('first', first, [first.length])],
    metadata: {
      format: PLAN_FORMAT,
      version: '1',
      ...store.owner,
      dimensions: String(dimensions),
      round: String(number),
      plan: digest,
    },
  });
  await writeAtomically(join(store.directory, PLAN_FILE), [bytes]);
}

/**
 * Scores the chunks of a shard, if a round is waiting for that.
 *
 * @returns the number of the round, and the images scored now; undefined when none is waiting
 */
export async function scoreShard(
  store: EmbeddingStore,
  shard: Shard,
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (images: number) => void },
): Promise<{ readonly round: number; readonly images: number } | undefined> {
  const path = join(store.directory, PLAN_FILE);
  if (!existsSync(path)) return undefined;
  const file = new SafetensorsSlices(path);
  try {
    const { format, round, plan: digest, ...owner } = file.metadata;
    const isOurs = Object.entries(store.owner).every(([what, expected]) => owner[what] === expected);
    if (format !== PLAN_FORMAT || digest === undefined || !isOurs) return undefined;
    const missing = Array.from({ length: store.chunks }, (_, chunk) => chunk).filter(
      (chunk) => chunk % shard.count === shard.index && !existsSync(scoresPath(store, digest, chunk)),
    );
    const plan = missing.length > 0 ? readPlan(file) : undefined;
    const first = file.read('I32', 'first');
    let images = 0;
    for (const chunk of missing) {
      signal.throwIfAborted();
      const [from, to] = [first[chunk]!, first[chunk + 1]!];
      const rows = unitRows(readableRows(await store.read(chunk)), plan!.dimensions, to - from);
      const portion = scorePortion(plan!, {
        first: from,
        home: file.read('I32', 'home', from, to),
        own: file.read('F64', 'own', from, to),
        read: (index, into) => rows.read(index, into),
      });
      await writeAtomically(scoresPath(store, digest, chunk), [
        serializeSafetensors({
          tensors: Object.entries(portion).map(([name, data]) => tensor(name, data, [data.length])),
          metadata: { format: 'arcface-scores', version: '1', plan: digest },
        }),
      ]);
      images += to - from;
      onProgress(images);
    }
    return { round: Number(round), images };
  } finally {
    file.close();
  }
}

function readPlan(file: SafetensorsSlices): ScoringPlan {
  return {
    dimensions: Number(file.metadata.dimensions),
    ...(file.has('whitening') && { whitening: file.read('F64', 'whitening') }),
    identities: file.read('I32', 'identities'),
    centres: file.read('F64', 'centres'),
    median: file.read('F64', 'median'),
    inverse: file.read('F64', 'inverse'),
    boost: file.read('F64', 'boost'),
    compared: file.read('I32', 'compared'),
    strangers: file.read('I32', 'strangers'),
    sampled: file.read('I32', 'sampled'),
  };
}

function readScores(path: string, images: number): ScoredPortion {
  return readSlices(path, (file) => ({
    own: file.read('F64', 'own', 0, images),
    best: file.read('F64', 'best', 0, images),
    bestOther: file.read('I32', 'bestOther', 0, images),
    likeness: file.read('F64', 'likeness', 0, images),
    nullSample: file.read('F64', 'nullSample'),
    strangersOwn: file.read('F64', 'strangersOwn'),
    strangersLikeness: file.read('F64', 'strangersLikeness'),
  }));
}

function scoresPath(store: EmbeddingStore, plan: string, chunk: number): string {
  return join(store.directory, `scores-${plan.slice(0, 16)}-${String(chunk).padStart(8, '0')}.safetensors`);
}

/** Of all that the scores depend on, but the embeddings: their owner stands in for them. */
function digestOf({ plan, images }: ScoringRound): string {
  const hash = createHash('sha256');
  const { dimensions, ...arrays } = plan;
  hash.update(String(dimensions));
  for (const data of [...Object.values(arrays), images.home, images.own]) {
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/** Number of the first image of each chunk that can be decoded, and of all images behind them. */
function firstImages({ chunks, chunkImages }: EmbeddingStore, positions: Int32Array): Int32Array {
  const first = new Int32Array(chunks + 1);
  let image = 0;
  for (let chunk = 0; chunk <= chunks; chunk++) {
    while (image < positions.length && positions[image]! < chunk * chunkImages) image += 1;
    first[chunk] = image;
  }
  return first;
}

function tensor(name: string, data: Float64Array | Int32Array, shape: number[]): NamedArray {
  return { name, dtype: data instanceof Float64Array ? 'float64' : 'int32', shape, data };
}
