import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditRow } from '../audit-row.ts';
import { summarise } from '../audit-summary.ts';
import { CleanerError } from '../cleaner-error.ts';
import { decide } from '../decide.ts';
import { injectNoise, type NoiseOptions } from '../noise-injection.ts';
import { seededRandom } from '../seeded-random.ts';
import { metrics } from '../truth-metrics.ts';
import { autoScores } from './auto-scores.ts';
import { scoreByModes, withAutoScores } from './score-by-modes.ts';

const DIMENSIONS = 96;

/** Drawn faces: people are random directions, images are people plus noise (mean cosine of one person's images about .65). */
function drawFaces(sizes: readonly number[], outsiders: number, seed: number) {
  const random = seededRandom(seed);
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  const direction = (scale: number): number[] =>
    Array.from({ length: DIMENSIONS }, () => (normal() * scale) / Math.sqrt(DIMENSIONS));
  const image = (person: number[]): number[] => direction(0.75).map((v, d) => v + person[d]!);
  const labels = sizes.flatMap((size, label) => Array<number>(size).fill(label));
  const people = sizes.map(() => direction(1));
  return {
    labels,
    images: labels.map((label) => image(people[label]!)),
    strangers: Array.from({ length: outsiders }, () => image(direction(1))),
  };
}

function spoiled(faces: ReturnType<typeof drawFaces>, options: NoiseOptions) {
  const noisy = injectNoise(faces.labels, { outsiders: faces.strangers.length, ...options });
  const rows = Array.from(noisy.image, (image, i) =>
    image < 0 ? faces.strangers[noisy.outsider[i]!]! : faces.images[image]!,
  );
  return {
    noisy,
    input: { embeddings: Float32Array.from(rows.flat()), dimensions: DIMENSIONS, labels: noisy.label },
  };
}

const sizes = Array.from({ length: 30 }, (_, i) => 10 + (i % 12));
const faces = drawFaces(sizes, 400, 1);

describe('the automatic rule on drawn faces', () => {
  it.each<[NoiseOptions['kind'], number, number]>([
    ['open', 0.2, 0.97],
    ['closed', 0.2, 0.97],
    ['mixed', 0.4, 0.97],
    ['pairs', 0.2, 0.97],
    ['merge', 0.3, 0.97],
  ])('finds %s noise at rate %f', (kind, rate, least) => {
    const { noisy, input } = spoiled(faces, { kind, rate, seed: 2, merges: 8 });
    const audit = scoreByModes(input);
    const decision = decide(audit, { kind: 'auto' });
    expect(metrics(decision, noisy).f1).toBeGreaterThan(least);
    // Where it says "elsewhere" it says where.
    const suggested = [...audit.auto.pElsewhere.keys()].filter(
      (i) => audit.auto.pElsewhere[i]! > 0.5 && noisy.bad[i] && noisy.trueLabel[i]! >= 0,
    );
    const right = suggested.filter((i) => audit.auto.elsewhere[i] === noisy.trueLabel[i]);
    expect(right.length).toBeGreaterThanOrEqual(0.98 * suggested.length);
  });

  it('leaves a clean set alone', () => {
    const { input } = spoiled(faces, { kind: 'open', rate: 0 });
    expect(decide(scoreByModes(input), { kind: 'auto' }).dropped).toBeLessThanOrEqual(1);
  });

  it('says what it did, row by row and in sum', () => {
    const { input } = spoiled(faces, { kind: 'merge', rate: 0.3, seed: 2, merges: 8 });
    const audit = scoreByModes(input);
    const decision = decide(audit, { kind: 'auto' });
    expect(summarise(audit, decision)).toMatchObject({ splits: 8, identitiesLost: [] });
    const second = audit.auto.secondPerson.findIndex(
      (person, i) => person > 0 && audit.auto.pElsewhere[i]! <= 0.5,
    );
    expect(auditRow(audit, decision, second)).toMatchObject({ decision: 'drop', rule: 'auto:second-person' });
    const row = auditRow(audit, decision, 0);
    expect(row.pClean! + row.pOutsider! + row.pElsewhere!).toBeCloseTo(1, 5);
  });

  it('proposes to merge identities that are one person, and no others', () => {
    const { input } = spoiled(faces, { kind: 'mixed', rate: 0.2, seed: 3 });
    expect(scoreByModes(input).auto.merges).toEqual([]);
    // Identities 11 and 23 are cut in two.
    const halves = input.labels.map((label, i) =>
      (label === 11 || label === 23) && i % 2 ? label + 100 : label,
    );
    const audit = scoreByModes({ ...input, labels: halves });
    expect(audit.auto.merges.map(({ labels }) => [...labels].sort((a, b) => a - b)).sort()).toEqual([
      [11, 111],
      [23, 123],
    ]);
    expect(summarise(audit, decide(audit, { kind: 'auto' })).merges).toBe(2);
  });

  it('carries proposals out when asked: an image moves, a second person and a doubled one get what is theirs', () => {
    const { noisy, input } = spoiled(faces, { kind: 'closed', rate: 0.2, seed: 3 });
    const audit = scoreByModes(input);
    const moved = decide(audit, { kind: 'auto' }, { apply: ['relabel'] });
    const wrong = [...moved.order].filter(
      (i) =>
        audit.identities[moved.identitiesKept[moved.newLabels[i]!]!.position]!.label !== noisy.trueLabel[i],
    );
    expect(moved.kept).toBeGreaterThan(0.98 * input.labels.length);
    expect(wrong.length).toBeLessThan(0.01 * input.labels.length);

    const merged = spoiled(faces, { kind: 'merge', rate: 0.3, seed: 2, merges: 8 });
    const folders = scoreByModes(merged.input);
    expect(folders.auto.splits.every(({ probability }) => probability > 0.9)).toBe(true);
    const split = decide(folders, { kind: 'auto' }, { apply: ['split'] });
    expect(split.identitiesKept.length).toBe(folders.identities.length + 8);
    expect(split.dropped).toBeLessThan(3);
    expect(split.identitiesKept.slice(-8).every(({ person }) => person === 1)).toBe(true);

    const halves = faces.labels.map((label, i) => (label === 11 && i % 2 ? 111 : label));
    const doubled = scoreByModes({
      embeddings: Float32Array.from(faces.images.flat()),
      dimensions: DIMENSIONS,
      labels: Int32Array.from(halves),
    });
    expect(doubled.auto.merges[0]!.probability).toBeGreaterThan(0.9);
    const joined = decide(doubled, { kind: 'auto' }, { apply: ['merge'] });
    expect(joined.identitiesKept.length).toBe(30);
    const labelOf = (label: number) =>
      new Set([...joined.newLabels].filter((_, i) => faces.labels[i] === label));
    expect([...labelOf(11)].filter((label) => label >= 0)).toHaveLength(1);
  });

  it('can be added to an audit of its own kind', () => {
    const { input } = spoiled(faces, { kind: 'mixed', rate: 0.2, seed: 2 });
    const audit = scoreByModes(input);
    expect(withAutoScores(audit, input).auto).toEqual(audit.auto);
  });

  it('does not depend on the order of images', () => {
    const { input } = spoiled(faces, { kind: 'mixed', rate: 0.3, seed: 5 });
    const order = seededRandom(9).permutation(input.labels.length);
    const shuffled = {
      ...input,
      labels: order.map((i) => input.labels[i]!),
      embeddings: Float32Array.from(
        [...order].flatMap((i) => [...input.embeddings.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS)]),
      ),
    };
    const straight = autoScores(input);
    const mixed = autoScores(shuffled);
    order.forEach((i, at) => {
      expect(Math.abs(mixed.pClean[at]! - straight.pClean[i]!)).toBeLessThan(1e-4);
    });
  });
});

describe('the automatic rule at its edges', () => {
  it('gives probabilities and loses no identity silently, whatever it is fed', () => {
    const row = fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 4 }), row), { minLength: 2, maxLength: 25 }), (images) => {
        const labels = Int32Array.from(images, ([label]) => label);
        fc.pre(new Set(labels).size >= 2);
        const audit = scoreByModes({
          embeddings: Float32Array.from(images.flatMap(([, v]) => v)),
          dimensions: 3,
          labels,
        });
        const { pClean, pOutsider, pElsewhere, elsewhere } = audit.auto;
        for (let i = 0; i < images.length; i++) {
          expect(pClean[i]! + pOutsider[i]! + pElsewhere[i]!).toBeCloseTo(1, 9);
          expect(labels.includes(elsewhere[i]!)).toBe(true);
        }
        const decision = decide(audit, { kind: 'auto' });
        const kept = new Set(decision.identitiesKept.map(({ position }) => position));
        audit.identities.forEach((identity, position) => {
          if (kept.has(position)) return;
          expect([...identity.images].some((image) => decision.reasons[image] === 'auto:elsewhere')).toBe(
            true,
          );
          expect(summarise(audit, decision).identitiesLost).toContain(identity.label);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('finds the identity among swaps that all go to one other, though some folders hold more of somebody else', () => {
    const { noisy, input } = spoiled(faces, { kind: 'pairs', rate: 0.4, seed: 7 });
    const ownImages = new Map<number, number>();
    noisy.label.forEach((label, i) => {
      ownImages.set(label, (ownImages.get(label) ?? 0) + (noisy.bad[i] ? -1 : 1));
    });
    expect([...ownImages.values()].some((balance) => balance < 0)).toBe(true);
    expect(metrics(decide(scoreByModes(input), { kind: 'auto' }), noisy).f1).toBeGreaterThan(0.97);
  });

  it('judges a small identity beside a huge one, and skips identities without images', () => {
    const { images } = drawFaces([2000, 3], 0, 4);
    const labels = Int32Array.from({ length: 2003 }, (_, i) => (i < 2000 ? 0 : 1));
    const empty = Array.from({ length: 600 }, (_, i) => ({ label: i + 2, images: new Int32Array(0) }));
    const identities = [
      { label: 0, images: Int32Array.from({ length: 2000 }, (_, i) => i) },
      { label: 1, images: Int32Array.of(2000, 2001, 2002) },
      ...empty,
    ];
    const { pClean } = autoScores({
      embeddings: Float32Array.from(images.flat()),
      dimensions: DIMENSIONS,
      labels,
      identities,
    });
    expect(pClean.every((p) => p >= 0 && p <= 1)).toBe(true);
    expect(pClean.filter((p) => p > 0.5).length).toBeGreaterThan(1980);
  });

  it('keeps the best image of an identity that has nothing but strangers, unresolved', () => {
    const { labels, images, strangers } = drawFaces(Array<number>(20).fill(10), 40, 6);
    const audit = scoreByModes({
      embeddings: Float32Array.from([...images, ...strangers].flat()),
      dimensions: DIMENSIONS,
      labels: Int32Array.from([...labels, ...strangers.map((_, i) => 50 + (i >> 2))]),
    });
    const decision = decide(audit, { kind: 'auto' });
    expect(decision.identitiesKept.length).toBe(30);
    expect(decision.unresolved).toBeGreaterThan(5);
    for (const { images: own } of audit.identities) {
      const stays = own.filter((image) => decision.verdicts[image] !== 'drop');
      const unresolved = stays.filter((image) => decision.verdicts[image] === 'unresolved');
      if (unresolved.length === 0) continue;
      expect(stays.length).toBe(1);
      expect(decision.reasons[stays[0]!]).toBe('auto:last-image');
      expect(own.every((image) => decision.suspicion[image]! >= decision.suspicion[stays[0]!]!)).toBe(true);
    }
  });

  it('refuses a single identity', () => {
    const one = { embeddings: new Float32Array(6).fill(1), dimensions: 3, labels: Int32Array.of(4, 4) };
    expect(() => autoScores(one)).toThrow(CleanerError);
    expect(() => autoScores(one)).toThrow(/at least 2, found 1/);
  });
});

const directory = new URL('../../../../../shared/oracle/drop/', import.meta.url);

/** Bad images that the research script (`auto2` of noise_lab.py) drops from the 506 faces of the drop oracle. */
const DROPPED_BY_THE_SCRIPT = [
  1, 12, 22, 25, 28, 32, 34, 38, 60, 62, 63, 65, 66, 70, 74, 76, 83, 84, 85, 91, 95, 97, 108, 112, 116, 122,
  126, 128, 129, 136, 139, 146, 148, 156, 158, 167, 173, 179, 184, 194, 197, 198, 204, 212, 221, 222, 224,
  232, 234, 235, 238, 253, 262, 271, 275, 280, 283, 287, 289, 291, 295, 304, 326, 328, 331, 332, 349, 351,
  358, 367, 368, 375, 393, 394, 395, 399, 400, 407, 415, 417, 421, 422, 427, 436, 442, 443, 444, 463, 464,
  470, 476, 481, 485, 494, 496, 503,
];

describe.skipIf(!existsSync(directory))('on real embeddings (needs ../shared/oracle/drop)', () => {
  it('drops what the research script drops, image by image', () => {
    const { images } = JSON.parse(readFileSync(new URL('input.json', directory), 'utf8')) as {
      images: { label: number; kind: string }[];
    };
    const bytes = new Uint8Array(readFileSync(new URL('embeddings_raw.npy', directory)));
    const header = 10 + new DataView(bytes.buffer).getUint16(8, true);
    const input = {
      embeddings: new Float32Array(bytes.slice(header).buffer),
      dimensions: 128,
      labels: Int32Array.from(images, ({ label }) => label),
    };
    // The script samples pairs for its link cut; this is the cut it came to. Ours, from all pairs, is .4239.
    const audit = scoreByModes(input, { linkCut: 0.4246908128261566 });
    const decision = decide(audit, { kind: 'auto' });
    expect([...decision.verdicts.keys()].filter((i) => decision.verdicts[i] === 'drop')).toEqual(
      DROPPED_BY_THE_SCRIPT,
    );
    const truth = { bad: images.map(({ kind }) => kind !== 'clean') };
    expect(metrics(decide(scoreByModes(input), { kind: 'auto' }), truth)).toMatchObject({
      badDropped: 95,
      dropped: 96,
      auroc: 1,
    });
  });
});
