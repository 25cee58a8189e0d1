// A loop whose graph differs from step to step compiles in every step, which is slower than anything the backend
// could win. This watches for it and says which operation keeps changing, once.
//
// A graph of operations that have not been seen in this order is a new part of the program, not an old one that changed: the
// first step of a training in eight stages compiles more than eight graphs, and none of them again.

import type { Schedule } from './schedule.ts';
import type { TraceNode } from './trace-graph.ts';

/** How many compilations of graphs that changed, within how many runs, call for a warning. */
const changesToWarn = 12;
const window = 16;
/** After as many runs a program has shown all its parts: whatever is still compiled then has changed. */
const runsOfStart = 64;
/** Graphs whose last form is remembered. */
const rememberedGraphs = 64;

type Form = readonly (readonly string[])[];

export class RecompilationWatch {
  readonly #warn: (message: string) => void;
  /** The last form of each graph by the names of its operations, the latest last. */
  readonly #forms = new Map<string, Form>();
  #runs = 0;
  #changes: number[] = [];
  #last: Form = [];
  #warned = false;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  record(schedule: Schedule, compiled: boolean): void {
    if (this.#warned) return;
    this.#runs++;
    if (!compiled) return;
    const operations = schedule.nodes.map(({ op }) => op.name).join(' ');
    const form = schedule.nodes.map(partsOf);
    const before = this.#forms.get(operations);
    if (before !== undefined || this.#runs > runsOfStart) {
      this.#changes = [...this.#changes.filter((run) => run > this.#runs - window), this.#runs];
    }
    if (this.#changes.length >= changesToWarn) {
      this.#warned = true;
      this.#warn(
        `tfjs-backend-onnxruntime compiled ${this.#changes.length} of the last ${Math.min(window, this.#runs)} graphs anew. ` +
          `${difference(before ?? this.#last, form)} Keep shapes and attributes the same from step to step ` +
          '(a last, smaller batch is fine), or raise cacheEntries if the graphs do come back.',
      );
    }
    this.#forms.delete(operations);
    this.#forms.set(operations, form);
    if (this.#forms.size > rememberedGraphs) this.#forms.delete(this.#forms.keys().next().value!);
    this.#last = form;
  }
}

/** An operation's name, then what it is applied to and how, in parts that can be compared one by one. */
function partsOf({ op, inputs, attributes }: TraceNode): string[] {
  return [
    op.name,
    ...inputs.map(({ shape, dtype }) => `${dtype}[${shape.join(',')}]`),
    ...Object.entries(attributes).map(([name, value]) => `${name}=${String(value)}`),
  ];
}

function difference(before: Form, now: Form): string {
  const place = now.findIndex((node, i) => node.join() !== before[i]?.join());
  if (place < 0) return 'The operations are the same, but wired differently or read at different moments.';
  const [node, old] = [now[place]!, before[place]];
  const [name] = node;
  if (old?.[0] !== name)
    return `The first operation that changed is ${name}, where ${old?.[0] ?? 'nothing'} was.`;
  const part = node.findIndex((text, i) => text !== old![i]);
  return `The first operation that changed is ${name}: ${old![part] ?? 'nothing'} became ${node[part] ?? 'nothing'}.`;
}
