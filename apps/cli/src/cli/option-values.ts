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
  const values = text.split(',').map(Number);
  const ascend = values.every((value, i) => value >= 0 && (i === 0 || value > values[i - 1]!));
  if (text.trim() !== '' && ascend) return values;
  throw new InvalidArgumentError('Expected ascending numbers separated by commas, such as 100000,160000.');
}
