// Which results of the forward pass are computed again in the backward pass instead of being held for it. A convolution's
// filter gradient needs the convolution's input; where that is a batch normalisation's result, which follows in a pass
// or two from what is held anyway, a graph holds such results up to a limit. The largest are computed again: the
// fewest operators for the same memory.

import type { Schedule } from '../trace/schedule.ts';
import { sizeOf, type TraceValue } from '../trace/trace-graph.ts';

export function resultsToRecompute({ nodes, outputs }: Schedule, heldBytes: number): ReadonlySet<TraceValue> {
  const computableAgain = new Set<TraceValue>();
  const wanted = new Set<TraceValue>();
  for (const node of nodes) {
    const [first] = node.inputs;
    if (node.op.isComputableAgain) computableAgain.add(node.outputs[0]!);
    if (node.op.isOfBackwardPass && computableAgain.has(first!)) wanted.add(first!);
  }
  for (const output of outputs) wanted.delete(output);
  const bySize = [...wanted].sort((a, b) => sizeOf(a.shape) - sizeOf(b.shape));
  let bytes = 0;
  return new Set(
    bySize.filter(({ shape }) => {
      bytes += 4 * sizeOf(shape);
      return bytes > heldBytes;
    }),
  );
}
