/**
 * How the rules that compare images with all identities grow when embeddings are not in memory: synthetic rows, made when they are asked
 * for. Prints seconds and peak memory; the difference between two numbers of images is what one image takes.
 *
 *     npx tsx packages/cleaner/bench/auto-from-rows.ts --images 100000 --identities 300 --dimensions 64 --rule self-trained
 */
import { parseArgs } from 'node:util';
import { decide, type EmbeddingRows, scoreByModes, seededRandom, withStrangerScores } from '@arcface/cleaner';

const number = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    images: number,
    identities: number,
    dimensions: number,
    rule: { type: 'string', default: 'auto' },
  },
});
const images = Number(values.images ?? 100_000);
const identities = Number(values.identities ?? 300);
const dimensions = Number(values.dimensions ?? 64);

const random = seededRandom(1);
const people = Float64Array.from({ length: identities * dimensions }, () => random.uniform() - 0.5);
/** One image in ten shows somebody else than its label says, whatever the label. */
const personOf = (row: number): number => {
  const mixed = Math.imul(row ^ (row >>> 15), 0x9e3779b1) >>> 8;
  return (mixed % 10 === 0 ? Math.floor(mixed / 10) : row) % identities;
};
const embeddings: EmbeddingRows = {
  rows: images,
  read(row, into) {
    const start = personOf(row) * dimensions;
    let state = row;
    for (let d = 0; d < dimensions; d++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      into[d] = people[start + d]! + state / 2 ** 32;
    }
  },
};

const labels = Int32Array.from({ length: images }, (_, i) => i % identities);
const input = { embeddings, dimensions, labels };
const decisions = {
  auto: () => decide(scoreByModes(input), { kind: 'auto' }),
  'self-trained': () => decide(withStrangerScores(scoreByModes(input), input), { kind: 'self-trained' }),
};
const { rule } = values;
if (!(rule === 'auto' || rule === 'self-trained'))
  throw new Error(`--rule: auto or self-trained, found ${rule}`);

const begun = performance.now();
const { dropped } = decisions[rule]();
console.log(
  JSON.stringify({
    ...{ rule, images, identities, dimensions, dropped },
    seconds: Number(((performance.now() - begun) / 1000).toFixed(1)),
    embeddingBytes: images * dimensions * 4,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }),
);
