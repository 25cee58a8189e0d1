/** What the functions that draw the parts of a face have in common. */
import type { HeadProjection, PicturePoint } from './head-projection.ts';
import type { Look, Traits } from './person.ts';
import type { Photo } from './photo.ts';

export interface FaceDrawing {
  readonly traits: Traits;
  readonly look: Look;
  readonly photo: Photo;
  readonly projection: HeadProjection;
}

/** Draws one part as SVG text. */
export type DrawPart = (drawing: FaceDrawing) => string;

/** -1 is the left side of the picture, 1 the right one. */
export const SIDES = [-1, 1] as const;

/** The same points on the other side of the face, in the opposite order, so that both make one outline. */
export function mirrored(points: readonly PicturePoint[]): PicturePoint[] {
  return points.map(([x, y]): PicturePoint => [-x, y]).reverse();
}
