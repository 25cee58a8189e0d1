/**
 * The report and the summary of a large audit: how long they take, how much memory, and how large they come out. Rows, probabilities,
 * proposals and near-duplicates are synthetic; decisions, lists and the page are made by what `arcface audit` makes them with.
 *
 *     npx tsx apps/cli/bench/large-report.ts --images 1000000 --identities 100000 [--report page.html]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Audit, type AutoScores, decide, SubcenterScorer, summarise } from '@arcface/cleaner';
import { proposalLists, SUMMARISED } from '../src/cleaning/proposal-lists.ts';
import { cleaningReport } from '../src/report/cleaning-report.ts';
import { stripedFace } from '../src/testing/striped-faces.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { images: text, identities: text, report: text } });
const images = Number(values.images ?? 1_000_000);
const identities = Number(values.identities ?? 10_000);
const DIMENSIONS = 8;
const BLOCK = 8192;

const audit = withProposals(scored());
const positions = Int32Array.from({ length: images }, (_, i) => i);
const duplicates = Array.from({ length: Math.floor(images / 20) }, (_, i) => ({
  images: [20 * i, 20 * i + 1] as const,
  hashDistance: i % 4,
  identical: i % 4 === 0,
  probability: 0.99,
}));
const face = await stripedFace(0, 0);
const dataset = { length: images, read: async () => ({ bytes: face }) };
const judged = { audit, positions, undecodable: [], duplicates, dataset };
const decision = decide(audit, { kind: 'auto' });
const before = process.resourceUsage().maxRSS;

const begun = performance.now();
const summary = JSON.stringify(
  { ...summarise(audit, decision), proposals: proposalLists(judged, SUMMARISED) },
  null,
  2,
);
const page = await cleaningReport({ judged, decision, title: 'A large audit' });
const seconds = (performance.now() - begun) / 1000;
if (values.report !== undefined) writeFileSync(values.report, page);
console.log(
  JSON.stringify({
    ...{ images, identities, dropped: decision.dropped, seconds: Number(seconds.toFixed(1)) },
    pageBytes: Buffer.byteLength(page),
    summaryBytes: Buffer.byteLength(summary),
    peakRssBytesBefore: before * 1024,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  }),
);

/** Images around a direction of their identity, one in eight anywhere. */
function scored(): Audit {
  const weights = new Float32Array(3 * identities * DIMENSIONS).map(uniform(1));
  const labels = Int32Array.from({ length: images }, (_, i) => i % identities);
  const key = (i: number) => `person-${i % identities}/${String(i).padStart(8, '0')}.jpg`;
  const subcenters = { weights, subcenters: 3, dimensions: DIMENSIONS, classOrder: 'position' } as const;
  const scorer = new SubcenterScorer({ dimensions: DIMENSIONS, labels, subcenters, key });
  const noise = uniform(2);
  for (let start = 0; start < images; start += BLOCK) {
    const rows = new Float32Array(Math.min(BLOCK, images - start) * DIMENSIONS).map((_, i) => {
      const image = start + Math.floor(i / DIMENSIONS);
      const own = weights[3 * labels[image]! * DIMENSIONS + (i % DIMENSIONS)]!;
      return noise() * 0.4 + (image % 8 === 3 ? noise() : own);
    });
    scorer.add(rows);
  }
  return scorer.finish();
}

/** Every twentieth image elsewhere, a merge for a hundred identities, a split for two hundred. */
function withProposals(audit: Audit): Audit {
  const { cosine, labels } = audit;
  const isElsewhere = (i: number): boolean => i % 20 === 7;
  const pClean = cosine.map((c, i) => (isElsewhere(i) ? 0.01 : 1 / (1 + Math.exp(-20 * (c - 0.3)))));
  const auto: AutoScores = {
    linkCut: 0.4,
    pClean,
    pOutsider: pClean.map((p, i) => (isElsewhere(i) ? 0.01 : 1 - p)),
    pElsewhere: pClean.map((_, i) => (isElsewhere(i) ? 0.98 : 0)),
    elsewhere: labels.map((label) => (label + 1) % identities),
    secondPerson: new Int32Array(images),
    modes: [],
    merges: Array.from({ length: Math.floor(identities / 100) }, (_, i) => ({
      labels: [100 * i, 100 * i + 1] as const,
      ...{ cosine: 0.7, likeness: 0.9, probability: 0.8 },
    })),
    splits: Array.from({ length: Math.floor(identities / 200) }, (_, i) => ({
      ...{ label: 200 * i, person: 1, likeness: 0.1, probability: 0.95 },
      images: audit.identities[200 * i]!.images.subarray(0, 3),
    })),
  };
  return { ...audit, auto };
}

function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2 ** 31;
  };
}
