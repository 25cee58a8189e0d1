import { describe, expect, it } from 'vitest';
import { autoScores } from './auto/auto-scores.ts';
import { type ScoringRound, scoreAtOnce } from './auto/null-scores.ts';
import { scoreByModes } from './auto/score-by-modes.ts';
import { scorePortion } from './auto/scoring-round.ts';
import { strangerScores } from './auto/stranger-scores.ts';
import { findNearDuplicates } from './duplicates/near-duplicates.ts';
import type { EmbeddingRows } from './embedding-rows.ts';
import { identitiesFromLabels } from './identity.ts';
import { seededRandom } from './seeded-random.ts';

const DIMENSIONS = 6;
const random = seededRandom(5);
const people = Array.from({ length: 5 * DIMENSIONS }, () => random.uniform() - 0.5);
const labels = Int32Array.from({ length: 60 }, () => random.integer(5));
const embeddings = Float32Array.from({ length: labels.length * DIMENSIONS }, (_, i) => {
  const image = Math.floor(i / DIMENSIONS);
  const person = image % 9 === 0 ? (labels[image]! + 1) % 5 : labels[image]!;
  return people[person * DIMENSIONS + (i % DIMENSIONS)]! + 0.2 * random.uniform();
});

/** Counts how often it is read; a method, as a class would have it. */
class Rows implements EmbeddingRows {
  readonly rows = labels.length;
  reads = 0;
  read(row: number, into: Float64Array): void {
    this.reads += 1;
    into.set(embeddings.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS));
  }
}

const input = { dimensions: DIMENSIONS, labels };

describe('rows that are read when they are needed', () => {
  it('are judged as the same numbers in memory are, to the last bit', () => {
    const rows = new Rows();
    const { key: _, ...read } = scoreByModes({ ...input, embeddings: rows });
    const { key: __, ...held } = scoreByModes({ ...input, embeddings });
    expect(read).toEqual(held);
    expect(rows.reads).toBeGreaterThan(labels.length);
    expect(strangerScores({ ...input, embeddings: new Rows() })).toEqual(
      strangerScores({ ...input, embeddings }),
    );
    const hashes = new Uint8Array(8 * labels.length).map(() => random.integer(256));
    const pairs = { hashes, identities: identitiesFromLabels(labels), dimensions: DIMENSIONS };
    expect(findNearDuplicates({ ...pairs, embeddings: new Rows() })).toEqual(
      findNearDuplicates({ ...pairs, embeddings }),
    );
  });

  it('are refused where one is no number, by name', () => {
    const broken: EmbeddingRows = {
      rows: labels.length,
      read: (row, into) => into.fill(row === 17 ? Number.NaN : 1),
    };
    expect(() => autoScores({ ...input, embeddings: broken })).toThrow(/row 17, column 0 is NaN/);
    expect(() => autoScores({ ...input, embeddings: { ...broken, rows: 3 } })).toThrow(
      /3 embeddings but 60 labels/,
    );
  });
});

describe('a round of scoring', () => {
  /** In portions of a given size. */
  const inPortions = (size: number) =>
    function* ({ plan, images }: ScoringRound) {
      for (let first = 0; first < labels.length; first += size) {
        yield scorePortion(plan, {
          first,
          home: images.home.subarray(first, first + size),
          own: images.own.subarray(first, first + size),
          read: (index, into) => images.read(first + index, into),
        });
      }
    };

  it.each([1, 7, 60])('gives the same in portions of %i images', (size) => {
    const whole = autoScores({ ...input, embeddings }, { scoreRound: scoreAtOnce });
    expect(whole.pClean.some((p) => p < 0.5)).toBe(true);
    expect(autoScores({ ...input, embeddings }, { scoreRound: inPortions(size) })).toEqual(whole);
    expect(strangerScores({ ...input, embeddings }, { scoreRound: inPortions(size) })).toEqual(
      strangerScores({ ...input, embeddings }),
    );
  });
});
