/** Faces as networks expect them, from photos and five points. */
export { type AlignOptions, alignFace, type RgbImage } from './align-face.ts';
export { AlignmentError, type AlignmentErrorCode } from './alignment-error.ts';
export { type FivePoints, faceTemplate, type Point } from './face-template.ts';
export { fitError, type Similarity, similarityTransform } from './similarity-transform.ts';
export { type WarpOptions, warpImage } from './warp-image.ts';
