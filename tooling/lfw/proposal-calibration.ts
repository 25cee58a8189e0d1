/**
 * Whether proposals come true as often as their probabilities say: people of LFW are given two labels (merges to be found) and
 * folders of two people (splits to be found), among swapped labels, and every proposal is checked against the truth.
 *
 *     npx tsx tooling/lfw/proposal-calibration.ts --seeds 21,22,23 --networks y1,onnx
 *
 * Prints a Markdown table: proposals by probability, and how many of them are true; then how many of those to be found were found.
 */
import { injectNoise, scoreByModes, seededRandom } from '@arcface/cleaner';
import { Command } from 'commander';
import { type FrozenNetwork, frozenEmbeddings, type ImageEmbeddings } from './frozen-networks.ts';
import { type Lfw, openLfw } from './lfw.ts';

/** Share of swapped labels among which proposals are made: none, and many. */
const RATES = [0, 0.2] as const;
/** People under two labels; folders of two people. */
const TWICE = 25;
const FOLDERS = 25;
/** Images that make a person worth an identity, here as in training. */
const LEAST_IMAGES = 10;
/** Lower ends of the ranges of probability that are looked at together. */
const BINS = [0.5, 0.9, 0.99, 0.999] as const;

interface Proposal {
  readonly probability: number;
  readonly isTrue: boolean;
}

interface Found {
  readonly proposals: readonly Proposal[];
  /** Those that should have been proposed. */
  readonly there: number;
}

function main(): Promise<void> {
  const options = new Command()
    .option('--seeds <list>', 'seeds of noise and of who is spoilt', '21,22,23')
    .option('--networks <list>', 'y1, onnx', 'y1,onnx')
    .parse()
    .opts<{ seeds: string; networks: string }>();
  return report(options.networks.split(',') as FrozenNetwork[], options.seeds.split(',').map(Number));
}

async function report(networks: readonly FrozenNetwork[], seeds: readonly number[]): Promise<void> {
  const lfw = openLfw();
  if (lfw === undefined) {
    console.error('skipped: LFW is not there (../shared/data/lfw112.tar.gz)');
    return;
  }
  console.log(
    '| network | kind | probability | proposals | mean probability | true |\n|---|---|---|---|---|---|',
  );
  for (const network of networks) {
    const images = await frozenEmbeddings(lfw, network);
    const trials = seeds.flatMap((seed) => RATES.map((rate) => ({ seed, rate })));
    for (const [kind, find] of [
      ['merges', merges],
      ['splits', splits],
    ] as const) {
      const found = trials.map((trial) => find(lfw, images, trial));
      const proposals = found.flatMap((each) => each.proposals);
      BINS.forEach((low, i) => {
        const high = BINS[i + 1] ?? 1.01;
        const within = proposals.filter(({ probability }) => probability >= low && probability < high);
        const mean = within.reduce((sum, { probability }) => sum + probability, 0) / within.length;
        const right = within.filter(({ isTrue }) => isTrue).length;
        console.log(
          `| ${network} | ${kind} | ${low} to ${Math.min(high, 1)} | ${within.length} | ${within.length ? mean.toFixed(4) : ''} | ${within.length ? `${right} (${(right / within.length).toFixed(3)})` : ''} |`,
        );
      });
      const there = found.reduce((sum, each) => sum + each.there, 0);
      const right = proposals.filter(({ isTrue }) => isTrue).length;
      console.log(`| ${network} | ${kind} | all that are there | ${there} | | ${right} found |`);
    }
  }
}

/** Some people have half of their images under a second label. */
function merges(lfw: Lfw, images: ImageEmbeddings, trial: { seed: number; rate: number }): Found {
  const random = seededRandom(trial.seed);
  const people = identities(lfw);
  const twice = [...random.permutation(people.length).subarray(0, TWICE)];
  const labels = people.flatMap((paths, person) =>
    paths.map((_, i) =>
      twice.includes(person) && i % 2 === 1 ? people.length + twice.indexOf(person) : person,
    ),
  );
  const { audit } = judge(images, people.flat(), labels, trial);
  const proposals = audit.auto.merges.map(({ labels: [a, b], probability }) => {
    const [first, second] = a < b ? [a, b] : [b, a];
    return { probability, isTrue: second >= people.length && twice[second - people.length] === first };
  });
  return { proposals, there: twice.length };
}

/** Some folders hold a second person, three images in ten. */
function splits(lfw: Lfw, images: ImageEmbeddings, trial: { seed: number; rate: number }): Found {
  const people = identities(lfw);
  const clean = people.flatMap((paths, person) => paths.map(() => person));
  const noise = injectNoise(clean, { kind: 'merge', rate: 0.3, merges: FOLDERS, seed: trial.seed });
  const folders = new Set([...noise.label].filter((_, i) => noise.bad[i] === 1));
  const paths = people.flat();
  const { audit } = judge(
    images,
    [...noise.image].map((image) => paths[image]!),
    [...noise.label],
    trial,
  );
  const proposals = audit.auto.splits.map(({ label, probability }) => ({
    probability,
    isTrue: folders.has(label),
  }));
  return { proposals, there: folders.size };
}

function identities(lfw: Lfw): (readonly string[])[] {
  return [...lfw.people.values()].filter((paths) => paths.length >= LEAST_IMAGES);
}

function judge(
  images: ImageEmbeddings,
  paths: readonly string[],
  labels: readonly number[],
  { seed, rate }: { readonly seed: number; readonly rate: number },
) {
  const noise = injectNoise(labels, { kind: 'closed', rate, seed: seed + 1000 });
  const { dimensions } = images;
  const embeddings = new Float32Array(paths.length * dimensions);
  noise.image.forEach((image, i) => {
    embeddings.set(images.of(paths[image]!), i * dimensions);
  });
  return { audit: scoreByModes({ embeddings, dimensions, labels: noise.label }) };
}

await main();
