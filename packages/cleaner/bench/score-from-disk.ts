/**
 * How scoring grows: synthetic embeddings on disk, read once, block after block, and judged against K sub-centres of very many
 * identities. Prints seconds, images a second and peak memory.
 *
 *     npx tsx packages/cleaner/bench/score-from-disk.ts --images 1000000 --identities 100000 --subcenters 3 --dimensions 128
 *
 * The file is written to the system's temporary folder first, and removed; writing is not timed.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decide, SubcenterScorer } from '@arcface/cleaner';

const number = { type: 'string' } as const;
const { values } = parseArgs({
  options: { images: number, identities: number, subcenters: number, dimensions: number },
});
const images = Number(values.images ?? 1_000_000);
const identities = Number(values.identities ?? 100_000);
const subcenters = Number(values.subcenters ?? 3);
const dimensions = Number(values.dimensions ?? 128);
const BLOCK = 8192;

const folder = mkdtempSync(join(tmpdir(), 'arcface-score-'));
const path = join(folder, 'embeddings.f32');
try {
  const fill = noise();
  const out = openSync(path, 'w');
  const block = new Float32Array(BLOCK * dimensions);
  for (let done = 0; done < images; done += BLOCK) {
    fill(block);
    writeSync(out, new Uint8Array(block.buffer, 0, Math.min(BLOCK, images - done) * dimensions * 4));
  }
  closeSync(out);
  const weights = new Float32Array(identities * subcenters * dimensions);
  fill(weights);

  const begun = performance.now();
  const labels = Int32Array.from({ length: images }, (_, i) => i % identities);
  const scorer = new SubcenterScorer({
    dimensions,
    labels,
    subcenters: { weights, subcenters, dimensions, classOrder: 'label' },
  });
  const prepared = performance.now();
  const file = openSync(path, 'r');
  for (let done = 0; done < images; done += BLOCK) {
    const rows = Math.min(BLOCK, images - done);
    readSync(file, new Uint8Array(block.buffer), 0, rows * dimensions * 4, done * dimensions * 4);
    scorer.add(block.subarray(0, rows * dimensions));
  }
  closeSync(file);
  const audit = scorer.finish();
  const scored = performance.now();
  const { kept } = decide(audit, { kind: 'angle', degrees: 75 });
  const decided = performance.now();
  const seconds = (from: number, to: number) => Number(((to - from) / 1000).toFixed(2));
  console.log(
    JSON.stringify({
      ...{ images, identities, subcenters, dimensions, kept },
      grouping: seconds(begun, prepared),
      scoring: seconds(prepared, scored),
      deciding: seconds(scored, decided),
      imagesPerSecond: Math.round(images / ((decided - begun) / 1000)),
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    }),
  );
} finally {
  rmSync(folder, { recursive: true });
}

/** Uniform noise: fast, and no worse than any other data for what is timed. */
function noise(): (into: Float32Array) => void {
  let state = 1;
  return (into) => {
    for (let i = 0; i < into.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      into[i] = state / 2 ** 31;
    }
  };
}
