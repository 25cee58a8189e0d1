/**
 * From the surface of a head to the picture. A feature is given where it lies on an unturned face; it is lifted onto an
 * ellipsoid, turned with the head and projected, so that a nose moves further than the ears when the head turns.
 */
import type { Photo } from './photo.ts';

/** x, y on the unturned face and, optionally, the height over its surface. */
export type FacePoint = readonly [x: number, y: number, lift?: number];
/** A place in the picture. */
export type PicturePoint = readonly [x: number, y: number];

/** Where the middle of the head is in the 112 x 112 picture. */
const HEAD_CENTRE: PicturePoint = [56, 57];

const DEPTH = 30;

export interface HeadProjection {
  /** A point on the front of the head. */
  surface(point: FacePoint): PicturePoint;
  /** A point in space: z grows towards the viewer, 0 is the middle of the head. */
  space(x: number, y: number, z: number): PicturePoint;
  /** How much narrower something gets that lies on the surface at x: 1 seen from the front, 0 edge-on. */
  foreshortening(x: number): number;
}

export function headProjection({ yaw, pitch }: Photo['pose']): HeadProjection {
  const [sinYaw, cosYaw] = [Math.sin(yaw), Math.cos(yaw)];
  const [sinPitch, cosPitch] = [Math.sin(pitch), Math.cos(pitch)];
  const space = (x: number, y: number, z: number): PicturePoint => {
    const turnedX = x * cosYaw + z * sinYaw;
    const turnedZ = z * cosYaw - x * sinYaw;
    return [HEAD_CENTRE[0] + turnedX, HEAD_CENTRE[1] + y * cosPitch + turnedZ * sinPitch];
  };
  return {
    space,
    surface: ([x, y, lift = 0]) => space(x, y, surfaceDepth(x, y) + lift),
    foreshortening: (x) => Math.max(0.2, Math.cos(yaw + Math.asin(Math.max(-0.95, Math.min(0.95, x / 46))))),
  };
}

function surfaceDepth(x: number, y: number): number {
  return DEPTH * Math.sqrt(Math.max(0.05, 1 - (x / 46) ** 2 - (y / 66) ** 2));
}
