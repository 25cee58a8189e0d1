/**
 * The margin on the cosine between an embedding and its own class, with what becomes of it past pi: there it may go on as a
 * line, which is written as the cosine up to which it does and what is subtracted from it.
 */
import type { AngularMargin } from 'tfjs-training-kernels';
import { m2PerImage, type ResolvedLossSettings } from './loss-settings.ts';

/** The margin of a batch. Its numbers enter a graph as inputs: warming a margin up does not recompile it. */
export function targetMargin(settings: ResolvedLossSettings, labels: ArrayLike<number>): AngularMargin {
  const { margin, pastPi } = settings;
  const { m1, m3 } = margin;
  const perImage = m2PerImage(settings, labels);
  const fromM2 = (f: (m2: number) => number): number | number[] =>
    perImage ? Array.from(perImage, f) : f(margin.m2);
  const angle = { m1, m2: fromM2((m2) => m2), m3 };
  if (pastPi === 'fold') return angle;
  if (pastPi === 'easy') return { ...angle, line: { upTo: 0, drop: 0 } };
  const line = {
    upTo: fromM2((m2) => cosineAtPi(m1, m2)),
    drop: fromM2((m2) => dropPastPi(m1, m2) + m3),
  };
  return { ...angle, line };
}

/** The angle to the own class at which m1 * theta + m2 reaches pi, radians, within 0..pi. */
function angleAtPi(m1: number, m2: number): number {
  return m1 === 0 ? Math.PI : Math.min(Math.PI, Math.max(0, (Math.PI - m2) / m1));
}

/** Its cosine; below every cosine where that angle does not exist. */
function cosineAtPi(m1: number, m2: number): number {
  const angle = angleAtPi(m1, m2);
  return angle < Math.PI ? Math.cos(angle) : -2;
}

function dropPastPi(m1: number, m2: number): number {
  const rest = Math.PI - angleAtPi(m1, m2);
  return rest * Math.sin(rest);
}
