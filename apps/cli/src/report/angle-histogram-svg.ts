/** The histogram of angles to the dominant sub-centre as an inline SVG, with the threshold drawn and, if known, the truth. */
import { Html, type HtmlValue, html } from './html.ts';

export interface HistogramImages {
  /** Angle of every image, degrees. */
  readonly angles: ArrayLike<number>;
  /** Whether each label is wrong, where that is known. */
  readonly bad?: ArrayLike<number | boolean> | undefined;
  /** Degrees; images at this angle or more were dropped. */
  readonly threshold?: number | undefined;
}

const SIZE = { width: 760, height: 250 };
const PLOT = { left: 46, right: 28, top: 26, bottom: 40 };
const BIN = 2.5;

interface Bin {
  readonly from: number;
  readonly good: number;
  readonly bad: number;
}

/** Draws the histogram. Colours are CSS variables of the page (`--good`, `--bad`, `--text`, `--muted`, `--line`). */
export function angleHistogramSvg({ angles, bad, threshold }: HistogramImages): Html {
  const bins = binned(angles, bad);
  const [first, last] = [bins[0]!.from, bins.at(-1)!.from + BIN];
  const tallest = Math.max(1, ...bins.map((bin) => bin.good + bin.bad));
  const step = niceStep(tallest / 4);
  const top = Math.ceil(tallest / step) * step;
  const x = (degrees: number): number =>
    PLOT.left + ((degrees - first) / (last - first)) * (SIZE.width - PLOT.left - PLOT.right);
  const y = (count: number): number =>
    SIZE.height - PLOT.bottom - (count / top) * (SIZE.height - PLOT.top - PLOT.bottom);
  const width = x(first + BIN) - x(first) - 1;
  const bar = (bin: Bin, from: number, count: number, kind: string): HtmlValue =>
    count === 0
      ? ''
      : html`<rect class="${kind}" x="${round(x(bin.from))}" y="${round(y(from + count))}" width="${round(width)}" height="${round(y(from) - y(from + count))}"/>`;
  const baseline = SIZE.height - PLOT.bottom;
  const ticks = Array.from(
    { length: Math.floor((last - first) / 10) + 1 },
    (_, i) => Math.ceil(first / 10) * 10 + i * 10,
  );
  const counts = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
  const label = bad === undefined ? 'images' : 'images, by whether their label is right';
  return html`<svg class="histogram" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="Histogram of angles to the dominant sub-centre: ${label}">
${counts.map((count) => html`<line class="grid" x1="${PLOT.left}" x2="${SIZE.width - PLOT.right}" y1="${round(y(count))}" y2="${round(y(count))}"/><text class="tick" x="${PLOT.left - 6}" y="${round(y(count) + 4)}" text-anchor="end">${compact(count)}</text>`)}
${bins.map((bin) => html`<g><title>${bin.from} to ${bin.from + BIN} degrees: ${bad === undefined ? `${bin.good} images` : `${bin.good} labels right, ${bin.bad} wrong`}</title>${bar(bin, 0, bin.good, bad === undefined ? 'all' : 'good')}${bar(bin, bin.good, bin.bad, 'bad')}</g>`)}
${ticks.filter((tick) => tick <= last).map((tick) => html`<text class="tick" x="${round(x(tick))}" y="${baseline + 16}" text-anchor="middle">${tick}°</text>`)}
<text class="tick" x="${(PLOT.left + SIZE.width - PLOT.right) / 2}" y="${SIZE.height - 5}" text-anchor="middle">angle to the dominant sub-centre of the label</text>
${threshold === undefined || threshold < first || threshold > last ? new Html('') : thresholdLine(x(threshold), threshold)}
</svg>`;
}

function thresholdLine(x: number, threshold: number): Html {
  return html`<line class="threshold" x1="${round(x)}" x2="${round(x)}" y1="${PLOT.top - 8}" y2="${SIZE.height - PLOT.bottom}"/>
<text class="threshold-label" x="${round(x - 6)}" y="${PLOT.top - 10}" text-anchor="end">kept</text>
<text class="threshold-label" x="${round(x + 6)}" y="${PLOT.top - 10}">dropped from ${threshold}°</text>`;
}

function binned(angles: ArrayLike<number>, bad: ArrayLike<number | boolean> | undefined): Bin[] {
  const counts = Array.from({ length: Math.ceil(180 / BIN) }, (_, i) => ({ from: i * BIN, good: 0, bad: 0 }));
  for (let i = 0; i < angles.length; i++) {
    const bin = counts[Math.max(0, Math.min(counts.length - 1, Math.floor(angles[i]! / BIN)))]!;
    if (bad?.[i]) bin.bad++;
    else bin.good++;
  }
  const used = counts.map((bin) => bin.good + bin.bad > 0);
  const [first, last] = [used.indexOf(true), used.lastIndexOf(true)];
  return first < 0 ? counts.slice(12, 44) : counts.slice(Math.max(0, first - 1), last + 2);
}

/** `150k`, `2M`: longer numbers do not fit beside the axis. */
function compact(count: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact' }).format(count).replace('K', 'k');
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least)!;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
