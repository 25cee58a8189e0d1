/** The first of many, and how many more there are, for messages that nobody reads to the end. */

/** How many are named. */
export const NAMED = 5;

/** `a, b, c, d, e and 7 more`. */
export function firstFew<T>(all: readonly T[], nameOf: (each: T) => string): string {
  const more = all.length > NAMED ? ` and ${all.length - NAMED} more` : '';
  return all.slice(0, NAMED).map(nameOf).join(', ') + more;
}
