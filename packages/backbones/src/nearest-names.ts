/** Names that someone may have meant: those that take the fewest changes of a character. */

/** More is not looked at: names may come from files that nobody vouches for, and the work grows with their squares. */
const LONGEST = 80;
const MOST = 4000;

/**
 * The best few of the candidates, nearest first (Levenshtein's distance): for messages about a name that there is not.
 *
 * @param count at most so many. Default 3
 */
export function nearestNames(name: string, candidates: Iterable<string>, count = 3): string[] {
  return [...candidates]
    .slice(0, MOST)
    .map((candidate) => ({
      candidate,
      distance: editDistance(name.slice(0, LONGEST), candidate.slice(0, LONGEST)),
    }))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
