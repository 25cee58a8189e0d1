// From the values that somebody still holds to what must run: every pending node they need, in creation order, and
// the concrete values those nodes read. Leaves are numbered by first use, not by age: a learning rate or a batch
// that is a new tensor in every step still gets the same number, so the step has the same signature.

import { hashSignature, SignatureWriter } from './signature.ts';
import type { TraceNode, TraceValue } from './trace-graph.ts';

export interface Schedule {
  /** What runs, in order. */
  readonly nodes: readonly TraceNode[];
  /** Concrete values read, by first use: the inputs of the compiled model. */
  readonly leaves: readonly TraceValue[];
  /** The values asked for, each once, in order of creation. */
  readonly outputs: readonly TraceValue[];
  /** Valid until the next schedule is made. */
  readonly signature: Int32Array;
  readonly hash: string;
}

const leafTag = 0x21;
const nodeTag = 0x22;
const outputTag = 0x23;

const writer = new SignatureWriter();
let scheduleCount = 0;

/** Plans the computation of `targets` (pending values; concrete ones are ignored). */
export function makeSchedule(targets: Iterable<TraceValue>): Schedule {
  const schedule = ++scheduleCount;
  const nodes: TraceNode[] = [];
  const outputs: TraceValue[] = [];
  const stack: TraceNode[] = [];
  const visit = (value: TraceValue) => {
    const producer = value.producer;
    if (producer === null || producer.schedule === schedule) return;
    producer.schedule = schedule;
    nodes.push(producer);
    stack.push(producer);
  };
  for (const target of targets) {
    if (target.producer === null || target.schedule === schedule) continue;
    target.schedule = schedule;
    outputs.push(target);
    visit(target);
  }
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const input of node.inputs) visit(input);
  }
  nodes.sort((a, b) => a.id - b.id);

  // A target's `schedule` is its mark as an output; from here on it says that a leaf or a result has its number.
  const numbered = ++scheduleCount;
  const leaves: TraceValue[] = [];
  let positions = 0;
  writer.reset();
  for (const node of nodes) {
    for (const input of node.inputs) {
      if (input.producer !== null || input.schedule === numbered) continue;
      input.schedule = numbered;
      input.position = positions++;
      leaves.push(input);
      writer.word(leafTag);
      writer.type(input);
    }
    writer.word(nodeTag);
    writer.word(node.op.code);
    writer.word(node.inputs.length);
    for (const input of node.inputs) writer.word(input.position);
    writer.attributes(node.attributes);
    writer.word(node.outputs.length);
    for (const output of node.outputs) {
      output.schedule = numbered;
      output.position = positions++;
      writer.type(output);
    }
  }
  outputs.sort((a, b) => a.position - b.position);
  writer.word(outputTag);
  for (const output of outputs) writer.word(output.position);
  const signature = writer.view();
  return { nodes, leaves, outputs, signature, hash: hashSignature(signature) };
}
