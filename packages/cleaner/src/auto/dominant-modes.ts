import { modesOfClass } from './class-modes.ts';
import { dotRows, type FaceGroups, normaliseInPlace, sumOfRows } from './face-groups.ts';

/*
 * Which mode of each identity is the identity.
 *
 * The largest one, first of all. But where noise is heavy the largest mode of a small identity can be somebody else, who
 * has a larger identity of his own: such a mode is explained away, and the next one of the small identity takes over.
 */

const SWEEPS = 3;

export interface ClassModes {
  /** Disjoint sets of images, the largest first. */
  readonly modes: readonly Int32Array[];
  /** Which of them is the identity. */
  readonly dominant: number;
}

/** @returns One entry per identity; without modes for an identity without images. */
export function findDominantModes(faces: FaceGroups, linkCut: number): ClassModes[] {
  const { members, dimensions } = faces;
  const classes = members.length;
  const modes = members.map((images) => modesOfClass(faces, images, linkCut));
  const dominant = new Int32Array(classes);
  const size = new Int32Array(classes);
  const centres = new Float64Array(classes * dimensions);
  const settle = (c: number): void => {
    const mode = modes[c]![dominant[c]!];
    if (!mode) return;
    size[c] = mode.length;
    centres.set(normaliseInPlace(sumOfRows(faces, mode)), c * dimensions);
  };
  for (let c = 0; c < classes; c++) settle(c);

  const closeEnough = Math.max(linkCut, (1 + linkCut) / 2);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let changed = false;
    const smallestFirst = Array.from(size.keys()).sort((a, b) => size[a]! - size[b]! || a - b);
    for (const c of smallestFirst) {
      const next = modes[c]![dominant[c]! + 1];
      if (!next || next.length < 2) continue;
      if (!larger(c).some((other) => dotRows(centres, c, centres, other, dimensions) > closeEnough)) continue;
      dominant[c]! += 1;
      settle(c);
      changed = true;
    }
    if (!changed) break;
  }
  return modes.map((of, c) => ({ modes: of, dominant: dominant[c]! }));

  /** Identities with a larger dominant mode, or an equal one and a later position. */
  function larger(c: number): number[] {
    const found: number[] = [];
    for (let other = 0; other < classes; other++) {
      if (size[other]! > size[c]! || (size[other] === size[c] && other > c)) found.push(other);
    }
    return found;
  }
}
