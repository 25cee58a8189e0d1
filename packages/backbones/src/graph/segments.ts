/**
 * Cuts a network into segments that follow one another: each takes one value and makes one value, which is all that those
 * after it need. Networks of units have such a cut behind every unit; a DenseNet has them between layers of a stage.
 */
import type { Step } from './executor.ts';

export interface Segment {
  readonly steps: readonly Step[];
  /** Name of the value that it takes. */
  readonly input: string;
  /** Name of the value that it makes. */
  readonly output: string;
}

/**
 * At most so many segments, about equal in the values that they would keep for a backward pass.
 *
 * @param count from 1 to Infinity, which cuts wherever a network can be cut
 */
export function cutIntoSegments(
  steps: readonly Step[],
  { input, output }: { input: string; output: string },
  count: number,
): Segment[] {
  const cuts = cutsOf(steps, { input, output });
  const total = steps.reduce((sum, { size }) => sum + size, 0);
  const segments: Segment[] = [];
  let start = 0;
  let size = 0;
  steps.forEach((step, i) => {
    size += step.size;
    const isDue = segments.length < count - 1 && size >= (total / count) * (segments.length + 1);
    if (i === steps.length - 1 || (isDue && cuts.has(i))) {
      const before = segments.at(-1)?.output ?? input;
      const after = i === steps.length - 1 ? output : step.output;
      segments.push({ steps: steps.slice(start, i + 1), input: before, output: after });
      start = i + 1;
    }
  });
  return segments;
}

/** Indices of steps after which nothing but the step's own value is needed any more. */
function cutsOf(steps: readonly Step[], { input, output }: { input: string; output: string }): Set<number> {
  const lastUses = new Map<string, number>();
  steps.forEach(({ inputs }, i) => {
    for (const name of inputs) lastUses.set(name, i);
  });
  // The output is needed to the end, even if layers behind it are not.
  lastUses.set(output, steps.length);
  const cuts = new Set<number>();
  let neededUntil = lastUses.get(input) ?? -1;
  steps.forEach((step, i) => {
    if (neededUntil <= i) cuts.add(i);
    neededUntil = Math.max(neededUntil, lastUses.get(step.output) ?? i);
  });
  return cuts;
}
