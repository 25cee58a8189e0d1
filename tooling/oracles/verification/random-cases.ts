/**
 * Compares figures of verification and identification with what InsightFace's own code works out of the same embeddings, and scikit-learn:
 * accuracy, ROC and VAL over folds, TAR at FAR, AUC, IJB's templates, ranks, and naming at a rate of false names. Cases are drawn from a
 * seed, among them those where thresholds fall on distances, folds have pairs of one kind only, and templates have one image.
 *
 *     npx tsx tooling/oracles/verification/random-cases.ts --reference FOLDER [--python PYTHON] [--seed 1] [--count 60]
 *
 * FOLDER is `recognition` of a checkout of insightface; PYTHON has NumPy before 1.24, SciPy and scikit-learn. Exits with 1 if a figure differs:
 * all are the same to the last bit, but the AUC and the templates, which are summed in another order.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Random } from '../../../packages/trainer/src/random.ts';
import { acceptRates } from '../../../packages/trainer/src/verification/accept-rates.ts';
import { identify } from '../../../packages/trainer/src/verification/identification.ts';
import { poolTemplates, templateDistances } from '../../../packages/trainer/src/verification/templates.ts';
import { pairDistances, verifyDistances } from '../../../packages/trainer/src/verification/verification.ts';

const { values: options } = parseArgs({
  options: {
    reference: { type: 'string' },
    python: { type: 'string', default: process.env.ARCFACE_MXNET_PYTHON ?? 'python3' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '60' },
  },
});
if (options.reference === undefined) {
  console.error('--reference FOLDER is needed: recognition of a checkout of insightface');
  process.exit(2);
}
const random = Random.of(Number(options.seed), 'verification cases');
/** Of sums in another order. */
const ROUNDING = 1e-12;
/** Of features that the reference keeps in single precision. */
const SINGLE = 1e-5;

const cases = {
  verification: drawn(verificationCase),
  templates: drawn(templateCase),
  identification: drawn(identificationCase),
};
const script = fileURLToPath(new URL('reference_figures.py', import.meta.url));
const { status, stdout, stderr } = spawnSync(options.python, [script, options.reference], {
  input: JSON.stringify(cases),
  encoding: 'utf8',
  maxBuffer: 2 ** 30,
});
if (status !== 0) {
  console.error(stderr);
  process.exit(1);
}
const theirs = JSON.parse(stdout.replaceAll('NaN', 'null')) as Record<keyof typeof cases, Figures[]>;
let differences = 0;
let figures = 0;
compare('verification', cases.verification.map(ourVerification), (name) => (name === 'auc' ? ROUNDING : 0));
compare('templates', cases.templates.map(ourTemplates), () => SINGLE);
compare('identification', cases.identification.map(ourIdentification), () => 0);
console.log(
  `seed ${options.seed}: ${figures} figures of ${3 * Number(options.count)} cases, ${differences} differ`,
);
process.exitCode = differences > 0 ? 1 : 0;

type Figures = Readonly<Record<string, number | null | readonly (number | null)[]>>;

function compare(
  kind: keyof typeof cases,
  ours: readonly Figures[],
  tolerance: (name: string) => number,
): void {
  for (const [i, figure] of ours.entries()) {
    for (const [name, value] of Object.entries(figure)) {
      const [own, other] = [value, theirs[kind][i]![name]!].map((of) => [of].flat() as number[]);
      figures += own!.length;
      // A figure that is none is null on one side and NaN on the other.
      const differs = own!.some((number, at) => {
        const reference = other![at] ?? Number.NaN;
        return (
          !(Math.abs(number - reference) <= tolerance(name)) &&
          !(Number.isNaN(number) && Number.isNaN(reference))
        );
      });
      if (!differs && own!.length === other!.length) continue;
      differences++;
      const { embeddings: _, ...settings } = cases[kind][i]! as unknown as Record<string, unknown>;
      console.log(
        `${kind} ${i} ${name}: ${JSON.stringify(own).slice(0, 200)}, the reference has ${JSON.stringify(other).slice(0, 200)} (${JSON.stringify(settings).slice(0, 200)})`,
      );
    }
  }
}

function drawn<T>(draw: () => T): T[] {
  return Array.from({ length: Number(options.count) }, draw);
}

function oneOf<T>(values: readonly T[]): T {
  return values[random.integer(values.length)]!;
}

/** Rows of which some lie near each other; coarse ones have many equal distances, and rows of zeros. */
function drawRows(count: number, dimensions: number, coarse: boolean): number[] {
  const numbers = Array.from({ length: count * dimensions }, () => random.uniform(-1, 1));
  return numbers.map((value) => (coarse ? Math.round(2 * value) : Math.fround(value)));
}

function verificationCase() {
  const pairs = oneOf([10, 11, 17, 30, 53, 200, 400]);
  const dimensions = oneOf([1, 2, 3, 8, 40]);
  const share = oneOf([0.05, 0.5, 0.9]);
  const isSame = Array.from({ length: pairs }, () => random.float() < share);
  isSame[random.integer(pairs - 1)] = true;
  if (isSame.every(Boolean)) isSame[pairs - 1] = false;
  const embeddings = drawRows(2 * pairs, dimensions, random.float() < 0.5);
  // Images of one person lie nearer to each other, more or less.
  const nearness = oneOf([0, 0.5, 1]);
  isSame.forEach((same, pair) => {
    for (let d = 0; same && d < dimensions; d++) {
      const [a, b] = [2 * pair, 2 * pair + 1].map((row) => row * dimensions + d) as [number, number];
      if (random.float() < nearness) embeddings[b] = embeddings[a]!;
    }
  });
  return {
    ...{ embeddings, dimensions, isSame },
    folds: oneOf([1, 2, 3, 10, Math.min(pairs, 30)]),
    farTarget: oneOf([1e-3, 1e-2, 0.1, 0.5]),
    fars: [1e-4, 1e-3, 1e-2, 0.1, 0.29],
  };
}

function ourVerification({
  embeddings,
  isSame,
  folds,
  farTarget,
  fars,
}: ReturnType<typeof verificationCase>): Figures {
  const distances = pairDistances(Float32Array.from(embeddings), isSame.length);
  const { accuracy, accuracyStd, val, valStd, far, auc, roc } = verifyDistances(distances, isSame, {
    folds,
    farTarget,
  });
  return {
    ...{ accuracy, accuracyStd, val, valStd, far, auc },
    truePositiveRate: [...roc.truePositiveRate],
    falsePositiveRate: [...roc.falsePositiveRate],
    tar: acceptRates(distances, isSame, { fars, resamples: 0 }).map(({ tar }) => tar),
  };
}

function templateCase() {
  const dimensions = oneOf([2, 8, 64]);
  const count = 2 + random.integer(12);
  // Numbers of templates have gaps, and a medium's number is used by several.
  const members = Array.from({ length: count }, (_, template) =>
    Array.from({ length: 1 + random.integer(oneOf([1, 8])) }, () => ({
      template: 3 * template,
      medium: random.integer(4),
    })),
  ).flat();
  const place = () => 3 * random.integer(count);
  return {
    ...{ dimensions, weightByNorm: random.float() < 0.5 },
    embeddings: drawRows(members.length, dimensions, false),
    templates: members.map(({ template }) => template),
    media: members.map(({ medium }) => medium),
    pairs: Array.from({ length: 20 }, () => [place(), place()] as const),
  };
}

function ourTemplates({
  weightByNorm,
  pairs,
  embeddings,
  ...images
}: ReturnType<typeof templateCase>): Figures {
  const pooled = poolTemplates({ ...images, embeddings: Float32Array.from(embeddings) }, { weightByNorm });
  const distances = templateDistances(
    pooled,
    pairs.map(([first, second]) => ({ first, second, same: true })),
  );
  return { cosines: Array.from(distances, (distance) => 1 - distance / 2) };
}

/** A row for everyone in the gallery; probes of nobody have the label -1. */
function identificationCase() {
  const dimensions = oneOf([4, 32]);
  const people = 10 + random.integer(60);
  const probes = 20 + random.integer(100);
  const labels = Array.from({ length: probes }, () => random.integer(people + 10)).map((label) =>
    label < people ? label : -1,
  );
  [labels[0], labels[1]] = [0, -1];
  const gallery = drawRows(people, dimensions, false);
  const nearness = oneOf([0.2, 1, 3]);
  const rows = drawRows(probes, dimensions, false).map((value, i) => {
    const label = labels[Math.floor(i / dimensions)]!;
    return label < 0
      ? value
      : Math.fround(value + nearness * gallery[label * dimensions + (i % dimensions)]!);
  });
  return { dimensions, gallery, labels, probes: rows, ranks: [1, 5, 10], fpirs: [0.01, 0.1, 0.3] };
}

function ourIdentification({
  dimensions,
  gallery,
  probes,
  labels,
  ranks,
  fpirs,
}: ReturnType<typeof identificationCase>): Figures {
  const result = identify({
    ...{ dimensions, ranks, fpirs },
    gallery: {
      embeddings: Float32Array.from(gallery),
      labels: Array.from({ length: gallery.length / dimensions }, (_, person) => person),
    },
    probes: { embeddings: Float32Array.from(probes), labels },
  });
  return {
    ranks: result.ranks.map(({ rate }) => rate),
    tpir: result.openSet.map(({ tpir }) => tpir),
  };
}
