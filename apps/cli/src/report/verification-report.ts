/** The report of `arcface verify --report`: how well a model tells people apart, as figures, a ROC curve and a histogram of distances. */
import type { AcceptRate, Verification } from '@arcface/trainer';
import { type Axis, chartSvg } from './chart.ts';
import { type Html, html } from './html.ts';
import { REPORT_STYLE } from './report-style.ts';

export interface VerificationReport {
  readonly model: string;
  readonly pairs: string;
  readonly verification: Verification;
  readonly acceptRates: readonly AcceptRate[];
  /** Squared distance of each pair, 0..4, and whether it is of one person. */
  readonly distances: ArrayLike<number>;
  readonly isSame: ArrayLike<boolean>;
}

/** One self-contained page. */
export function verificationReportHtml(report: VerificationReport): string {
  const { model, pairs, verification, acceptRates } = report;
  const { accuracy, accuracyStd, auc, threshold, val, valStd, farTarget, folds } = verification;
  const different = verification.pairs - verification.same;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Verification of ${model}</title><style>${REPORT_STYLE}</style></head><body><main>
<h1>Verification</h1>
<p class="lead">${model} on ${pairs}: ${verification.same} pairs of one person, ${different} of two.</p>
<div class="cards">
<div class="card"><b>${percent(accuracy)}</b><span>accuracy, ± ${percent(accuracyStd)} over ${folds.length} folds</span></div>
<div class="card"><b>${auc.toFixed(4)}</b><span>area under the ROC curve</span></div>
<div class="card"><b>${percent(val)}</b><span>VAL, ± ${percent(valStd)}, at a false-accept rate of ${farTarget}</span></div>
</div>
<h2>Which distances pairs have</h2>
${distanceHistogram(report)}
<p class="note">Squared distance of the two normalised embeddings, mirror images added. The dashed line is the mean of the folds' thresholds, ${threshold.toFixed(2)}.</p>
<h2>True accepts at a rate of false ones</h2>
${rocCurve(report)}
<div class="scroll"><table><thead><tr><th>false-accept rate</th><th>true-accept rate</th><th>95 % interval</th><th>squared distance below</th><th>false accepts allowed</th></tr></thead><tbody>
${acceptRates.map(
  (rate) =>
    html`<tr><td>${rate.far}</td><td>${percent(rate.tar)}</td><td>${percent(rate.low)} to ${percent(rate.high)}</td><td>${rate.threshold.toFixed(3)}</td><td>${rate.falseAccepts}</td></tr>`,
)}
</tbody></table></div>
<p class="note">Over all pairs, without folds; intervals by a bootstrap over the pairs. A rate that allows no false accept asks more of these ${different} pairs than they can tell.</p>
<h2>Fold by fold</h2>
<div class="scroll"><table><thead><tr><th>fold</th><th>accuracy</th><th>threshold</th><th>VAL</th></tr></thead><tbody>
${folds.map((fold, i) => html`<tr><td>${i + 1}</td><td>${percent(fold.accuracy)}</td><td>${fold.threshold.toFixed(2)}</td><td>${Number.isNaN(fold.val) ? '' : percent(fold.val)}</td></tr>`)}
</tbody></table></div>
</main></body></html>`.text;
}

const BINS = 50;

function distanceHistogram({ distances, isSame, verification }: VerificationReport): Html {
  const counts = [new Float64Array(BINS), new Float64Array(BINS)] as const;
  for (let i = 0; i < distances.length; i++) {
    const bin = Math.min(BINS - 1, Math.floor((distances[i]! / 4) * BINS));
    counts[isSame[i] ? 0 : 1][bin]!++;
  }
  // Each kind relative to its own number, so that the shapes can be compared whatever the mixture.
  const shares = counts.map((bins) => bins.map((count) => count / Math.max(1, sum(bins))));
  const top = Math.max(...shares.flatMap((bins) => [...bins]));
  const y: Axis = {
    label: 'share of its kind',
    from: 0,
    to: top,
    ticks: [
      [0, '0'],
      [top, percent(top)],
    ],
  };
  const x: Axis = {
    label: 'squared distance',
    from: 0,
    to: 4,
    ticks: [0, 1, 2, 3, 4].map((value) => [value, String(value)] as const),
  };
  return html`<p class="legend"><span><i style="background:var(--good)"></i>one person</span><span><i style="background:var(--bad)"></i>two people</span></p>
${chartSvg({ title: 'Histogram of squared distances of pairs, by kind', x, y }, (scale) => [
  ...shares.flatMap((bins, kind) =>
    [...bins].map((share, bin) => {
      const [left, right] = [scale.x((bin / BINS) * 4), scale.x(((bin + 1) / BINS) * 4)];
      const height = scale.y(0) - scale.y(share);
      return share === 0
        ? ''
        : html`<rect class="${kind === 0 ? 'good' : 'bad'}" fill-opacity=".65" x="${left}" y="${scale.y(share)}" width="${(right - left).toFixed(1)}" height="${height.toFixed(1)}"/>`;
    }),
  ),
  html`<line class="threshold" x1="${scale.x(verification.threshold)}" x2="${scale.x(verification.threshold)}" y1="${scale.y(top)}" y2="${scale.y(0)}"/>`,
])}`;
}

function rocCurve({ distances, isSame, acceptRates }: VerificationReport): Html {
  const least = Math.min(...acceptRates.map(({ far }) => far), 1e-3);
  const points = rocPoints(distances, isSame, least);
  const powers = Array.from({ length: Math.round(-Math.log10(least)) + 1 }, (_, i) => 10 ** -i).reverse();
  const x: Axis = {
    label: 'false-accept rate',
    from: least,
    to: 1,
    scale: 'logarithmic',
    ticks: powers.map((value) => [value, value >= 0.01 ? String(value) : value.toExponential(0)] as const),
  };
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const y: Axis = {
    label: 'true-accept rate',
    from: 0,
    to: 1,
    ticks: ticks.map((value) => [value, percent(value, 0)] as const),
  };
  return chartSvg({ title: 'ROC curve, false-accept rate by powers of ten', x, y }, (scale) => {
    const line = points.map(([far, tar]) => `${scale.x(far)},${scale.y(tar)}`).join(' ');
    return html`<polyline points="${line}" fill="none" stroke="var(--accent)" stroke-width="2"/>`;
  });
}

/** Steps that cannot be seen: of the false-accept rate relative to itself, and of the true-accept rate. */
const UNSEEN = { far: 1.002, tar: 0.001 };

/**
 * The corners of the ROC curve that can be told apart where false-accept rates are drawn by powers of ten, by rising rates; some thousands,
 * however many pairs there are.
 *
 * @param least where the axis begins: the first point says what is accepted up to there
 */
export function rocPoints(
  distances: ArrayLike<number>,
  isSame: ArrayLike<boolean>,
  least: number,
): (readonly [far: number, tar: number])[] {
  const order = Uint32Array.from({ length: distances.length }, (_, i) => i).sort(
    (a, b) => distances[a]! - distances[b]!,
  );
  const same = order.reduce((count, pair) => count + (isSame[pair] ? 1 : 0), 0);
  const different = order.length - same;
  const points: (readonly [number, number])[] = [[least, 0]];
  let [accepted, falsely] = [0, 0];
  for (const [i, pair] of order.entries()) {
    if (isSame[pair]) accepted++;
    else falsely++;
    const next = order[i + 1];
    // Pairs at the same distance are accepted together.
    if (next !== undefined && distances[next] === distances[pair]) continue;
    const [far, tar] = [falsely / different, accepted / same];
    if (far <= least) {
      points[0] = [least, tar];
      continue;
    }
    const [lastFar, lastTar] = points.at(-1)!;
    if (far > UNSEEN.far * lastFar || tar > lastTar + UNSEEN.tar || next === undefined)
      points.push([far, tar]);
  }
  return points;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`;
}
