// How much memory a schedule needs at its worst moment, if every value lives from its producer to its last consumer.
// An estimate: ONNX Runtime adds reorders and scratch, and reuses buffers in place. It is what the
// session cache weighs sessions by.

import type { Schedule } from './schedule.ts';
import { sizeOf, type TraceValue } from './trace-graph.ts';

export function estimatePeakBytes(schedule: Schedule): number {
  const lastUse = new Map<TraceValue, number>();
  for (const [time, node] of schedule.nodes.entries()) {
    for (const input of node.inputs) lastUse.set(input, time);
  }
  for (const output of schedule.outputs) lastUse.set(output, schedule.nodes.length);
  let live = 0;
  let peak = 0;
  const bytes = (value: TraceValue) => sizeOf(value.shape) * (value.dtype === 'bool' ? 1 : 4);
  for (const [time, node] of schedule.nodes.entries()) {
    for (const output of node.outputs) live += bytes(output);
    peak = Math.max(peak, live);
    for (const value of new Set([...node.inputs, ...node.outputs])) {
      const isLeaf = value.producer === null;
      const end = lastUse.get(value);
      if (!isLeaf && (end === time || end === undefined)) live -= bytes(value);
    }
  }
  return peak;
}
