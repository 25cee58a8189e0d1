/** The frame of a chart as inline SVG: axes with round ticks, and the map from values to places. Colours are CSS variables of the page. */
import { type Html, type HtmlValue, html } from './html.ts';

/** An axis from one value to another, linear or by powers of ten. */
export interface Axis {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  readonly scale?: 'linear' | 'logarithmic';
  /** Where the ticks are, with what is written there. */
  readonly ticks: readonly (readonly [value: number, text: string])[];
}

const SIZE = { width: 760, height: 300 };
const PLOT = { left: 56, right: 20, top: 16, bottom: 44 };

/** Where a value lies on each axis, in the units of the drawing. */
export interface ChartScale {
  x(value: number): number;
  y(value: number): number;
}

/**
 * Draws a chart.
 *
 * @param draw gives what stands between the axes
 */
export function chartSvg(
  options: { readonly title: string; readonly x: Axis; readonly y: Axis },
  draw: (scale: ChartScale) => HtmlValue,
): Html {
  const { title, x, y } = options;
  const [right, bottom] = [SIZE.width - PLOT.right, SIZE.height - PLOT.bottom];
  const scale: ChartScale = {
    x: (value) => rounded(PLOT.left + share(x, value) * (right - PLOT.left)),
    y: (value) => rounded(bottom - share(y, value) * (bottom - PLOT.top)),
  };
  return html`<svg class="histogram" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="${title}">
${y.ticks.map(([value, text]) => html`<line class="grid" x1="${PLOT.left}" x2="${right}" y1="${scale.y(value)}" y2="${scale.y(value)}"/><text class="tick" x="${PLOT.left - 6}" y="${scale.y(value) + 4}" text-anchor="end">${text}</text>`)}
${x.ticks.map(([value, text]) => html`<text class="tick" x="${scale.x(value)}" y="${bottom + 16}" text-anchor="middle">${text}</text>`)}
<text class="tick" x="${(PLOT.left + right) / 2}" y="${SIZE.height - 6}" text-anchor="middle">${x.label}</text>
<text class="tick" transform="translate(12 ${(PLOT.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${y.label}</text>
${draw(scale)}
</svg>`;
}

/** Where a value lies between an axis' ends, 0..1; what lies outside is put at the end. */
function share({ from, to, scale }: Axis, value: number): number {
  const map =
    scale === 'logarithmic' ? (v: number) => Math.log10(Math.max(v, Number.MIN_VALUE)) : (v: number) => v;
  return Math.min(1, Math.max(0, (map(value) - map(from)) / (map(to) - map(from))));
}

/** A tenth of a unit is finer than any screen. */
function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
