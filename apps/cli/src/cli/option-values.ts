/** Parsers of option values. What they refuse is wrong usage, and the message names the option. */
import { InvalidArgumentError } from 'commander';

/** A whole number within bounds. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number (${range}).`);
  };
}

/** A number within bounds, both included. */
export function numberWithin(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`);
  };
}

/** Numbers separated by commas, ascending. */
export function ascendingNumbers(text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const ascend = values.every(
    (value, i) => value >= 0 && value !== Number.POSITIVE_INFINITY && (i === 0 || value > values[i - 1]!),
  );
  if (ascend) return values;
  throw new InvalidArgumentError('Expected ascending numbers separated by commas, such as 100000,160000.');
}

/** Sides of images in pixels: one of square ones, or height and width. */
export type ImageSides = number | readonly [height: number, width: number];

/** `112`, or `112x96` for images of another height than width. (A configuration file's list comes here as `112,96`.) */
export function imageSides(least: number, most: number): (text: string) => ImageSides {
  return (text) => {
    const sides = (/^(\d{1,9})(?:[x×,](\d{1,9}))?$/i.exec(text.trim()) ?? [])
      .slice(1)
      .flatMap((side) => side ?? []);
    const [height, width] = sides.map(Number);
    if (height !== undefined && [height, width ?? height].every((side) => side >= least && side <= most)) {
      return width === undefined ? height : [height, width];
    }
    throw new InvalidArgumentError(
      `Expected a side in pixels, or height x width such as 112x96 (each ${least} to ${most}).`,
    );
  };
}

/** For an option that may be given several times: all its values. */
export function eachValue(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
