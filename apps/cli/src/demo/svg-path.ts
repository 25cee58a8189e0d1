/** Paths through points, and the few elements that faces are made of, as SVG text. */
import type { PicturePoint } from './head-projection.ts';

/** A number with a tenth of a pixel. */
export function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** A smooth curve through all points (Catmull-Rom splines as Bezier curves). */
export function curve(points: readonly PicturePoint[], options: { closed?: boolean } = {}): string {
  const { closed = false } = options;
  const at = (i: number): PicturePoint =>
    closed
      ? points[(i + points.length) % points.length]!
      : points[Math.max(0, Math.min(points.length - 1, i))]!;
  let path = `M${pair(at(0))}`;
  const segments = closed ? points.length : points.length - 1;
  for (let i = 0; i < segments; i++) {
    const [before, from, to, after] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    const first: PicturePoint = [from[0] + (to[0] - before[0]) / 6, from[1] + (to[1] - before[1]) / 6];
    const second: PicturePoint = [to[0] - (after[0] - from[0]) / 6, to[1] - (after[1] - from[1]) / 6];
    path += `C${pair(first)} ${pair(second)} ${pair(to)}`;
  }
  return closed ? `${path}Z` : path;
}

/** Straight lines through all points, closed. */
export function polygon(points: readonly PicturePoint[]): string {
  return `M${points.map(pair).join('L')}Z`;
}

function pair([x, y]: PicturePoint): string {
  return `${number(x)} ${number(y)}`;
}

export function filled(path: string, colour: string, opacity = 1): string {
  return `<path d="${path}" fill="${colour}"${opacity < 1 ? ` fill-opacity="${number2(opacity)}"` : ''}/>`;
}

export function stroked(path: string, colour: string, width: number, opacity = 1): string {
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${number2(width)}" stroke-linecap="round" stroke-linejoin="round"${opacity < 1 ? ` stroke-opacity="${number2(opacity)}"` : ''}/>`;
}

export function ellipse(
  [x, y]: PicturePoint,
  [radiusX, radiusY]: readonly [number, number],
  colour: string,
  opacity = 1,
): string {
  return `<ellipse cx="${number(x)}" cy="${number(y)}" rx="${number2(radiusX)}" ry="${number2(radiusY)}" fill="${colour}"${opacity < 1 ? ` fill-opacity="${number2(opacity)}"` : ''}/>`;
}

function number2(value: number): string {
  return String(Math.round(value * 100) / 100);
}
