/**
 * Where the five landmarks of a face lie in an aligned image. A network recognises faces in the position in which it was
 * trained on them; for nearly all published ones that is this template.
 */
import { AlignmentError } from './alignment-error.ts';

/** Horizontal and vertical position in pixels; the centre of the top left pixel is (0, 0). */
export type Point = readonly [x: number, y: number];

/**
 * The landmarks that face detectors give, in their usual order: the eye on the left of the picture, the one on the right,
 * the tip of the nose, the corner of the mouth on the left, the one on the right. "Left" is the viewer's.
 */
export type FivePoints = readonly [
  leftEye: Point,
  rightEye: Point,
  nose: Point,
  leftMouthCorner: Point,
  rightMouthCorner: Point,
];

/** Positions in an image of 112x112 (insightface, `python-package/insightface/utils/face_align.py`, `arcface_dst`). */
const IN_112: FivePoints = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];

/**
 * The template for square images. As in the reference (`estimate_norm`), the face fills sizes that are multiples of 112; other
 * multiples of 128 have a margin of a sixteenth on the left and right. Any other size is scaled like 112.
 *
 * @param size edge of the aligned image in pixels
 * @throws {AlignmentError} `invalid-option` for a size that is not a whole number from 1 to 4096
 */
export function faceTemplate(size = 112): FivePoints {
  if (!Number.isInteger(size) || size < 1 || size > 4096) {
    throw new AlignmentError(
      'invalid-option',
      `The size of an aligned image must be a whole number of pixels from 1 to 4096, found ${size}.`,
    );
  }
  const withMargin = size % 112 !== 0 && size % 128 === 0;
  const ratio = size / (withMargin ? 128 : 112);
  const margin = withMargin ? 8 * ratio : 0;
  const [leftEye, rightEye, nose, leftMouthCorner, rightMouthCorner] = IN_112;
  const place = ([x, y]: Point): Point => [x * ratio + margin, y * ratio];
  return [place(leftEye), place(rightEye), place(nose), place(leftMouthCorner), place(rightMouthCorner)];
}
