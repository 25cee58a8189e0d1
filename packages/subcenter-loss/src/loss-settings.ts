/** What a margin softmax loss is set by, whether its classes are in one piece, in chunks, or over ranks. */
import { type Margin, type PastPi, resolveMargin } from './margin.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

/** What is the same for every batch of a margin softmax loss. Everything has a default. */
export interface LossSettings {
  /** Missing numbers are ArcFace's (m1 1, m2 .5, m3 0, s 64). */
  readonly margin?: Partial<Margin>;
  /** The margin past `m1 * theta + m2 = pi`. Default `fold`, the reference. */
  readonly pastPi?: PastPi;
  /** m2 of each class, radians, [C], in the place of `margin.m2`: see `classSizeMargins`. Default: the same for all. */
  readonly classMargins?: ArrayLike<number> | undefined;
  /**
   * Negatives whose cosine to an image is above this leave its softmax: in noisy data they may be the same person under another
   * label (the inter-class filter of An et al., "Killing Two Birds with One Stone", CVPR 2022, which sets such cosines to 0).
   * From -1 to 1. Default: none leaves.
   */
  readonly interClassFilter?: number | undefined;
}

export interface ResolvedLossSettings {
  readonly margin: Margin;
  readonly pastPi: PastPi;
  readonly classMargins: ArrayLike<number> | undefined;
  readonly interClassFilter: number | undefined;
}

/** @throws {SubcenterLossError} `invalid-option`, `shape-mismatch`. */
export function resolveLossSettings(settings: LossSettings, classes: number): ResolvedLossSettings {
  const { pastPi = 'fold', classMargins, interClassFilter } = settings;
  if (!['fold', 'easy', 'linear'].includes(pastPi)) {
    throw new SubcenterLossError(
      'invalid-option',
      `pastPi must be 'fold', 'easy' or 'linear', found ${String(pastPi)}`,
    );
  }
  if (interClassFilter !== undefined && !(Math.abs(interClassFilter) <= 1)) {
    throw new SubcenterLossError(
      'invalid-option',
      `interClassFilter must be a cosine from -1 to 1, found ${interClassFilter}`,
    );
  }
  if (classMargins !== undefined) checkClassMargins(classMargins, classes);
  return { margin: resolveMargin(settings.margin), pastPi, classMargins, interClassFilter };
}

function checkClassMargins(margins: ArrayLike<number>, classes: number): void {
  if (margins.length !== classes) {
    throw new SubcenterLossError(
      'shape-mismatch',
      `classMargins must hold ${classes} numbers, one for each class, found ${margins.length}`,
    );
  }
  for (let c = 0; c < classes; c++) {
    if (!(Math.abs(margins[c]!) <= Math.PI)) {
      throw new SubcenterLossError(
        'invalid-option',
        `the margin of class ${c} must be a number from -pi to pi, found ${margins[c]}`,
      );
    }
  }
}

/** m2 of each image's class, or nothing where all classes have the same. */
export function m2PerImage(
  { classMargins }: ResolvedLossSettings,
  labels: ArrayLike<number>,
): Float32Array | undefined {
  return classMargins && Float32Array.from(labels, (label) => classMargins[label]!);
}
