/** What can be read off the arrays of a network whose names are paths of PyTorch's modules. */

/** Shapes by name. */
export type ArrayShapes = ReadonlyMap<string, readonly number[]>;

/** How much smaller than an image the last map of these networks is: they halve it four times. */
export const REDUCTION = 16;

/** How many different numbers come behind a prefix: the length of an `nn.Sequential`. */
export function sequenceLength(shapes: ArrayShapes, prefix: string): number {
  const indices = [...shapes.keys()]
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length).split('.', 1)[0]!);
  return new Set(indices.filter((index) => /^\d+$/.test(index))).size;
}

/** The side of a square image with a last map of this area; undefined when the map is no square. */
export function sideOfImage(mapArea: number): number | undefined {
  const side = Math.sqrt(mapArea);
  return Number.isInteger(side) && side > 0 ? REDUCTION * side : undefined;
}
