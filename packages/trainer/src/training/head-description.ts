/** A head as plain data: what it is made from, where there is none in one piece, and what is the same in every step of it. */
import type { LossSettings, Margin } from '@arcface/subcenter-loss';

/** A head that is nowhere in one piece: what a `SubcenterHead` would be made from. */
export interface HeadDescription extends Omit<LossSettings, 'margin'> {
  readonly classes: number;
  readonly subcenters: number;
  readonly embeddingSize: number;
  margin: Margin;
  /** Of the initial sub-centres, which are those of a `SubcenterHead` with that seed. Default 0. */
  readonly seed?: number | undefined;
}

/** What is the same in every step of a head: its shape and its loss's settings, as plain data that can go to another thread. */
export function headSettings(head: HeadDescription): Omit<HeadDescription, 'seed'> {
  const { classes, subcenters, embeddingSize, margin, pastPi, classMargins, interClassFilter } = head;
  return {
    ...{ classes, subcenters, embeddingSize, margin, interClassFilter },
    ...(pastPi && { pastPi }),
    classMargins: classMargins && Float64Array.from(classMargins),
  };
}
