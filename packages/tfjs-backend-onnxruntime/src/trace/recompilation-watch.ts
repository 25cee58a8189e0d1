// A loop whose graph differs from step to step compiles in every step, which is slower than anything the backend
// could win. This watches for it and says which operation keeps changing, once.

import type { Schedule } from './schedule.ts';

/** How many compilations within how many runs call for a warning. */
const compilationsToWarn = 12;
const window = 16;

export class RecompilationWatch {
  readonly #warn: (message: string) => void;
  #recent: boolean[] = [];
  #previous: readonly string[] = [];
  #warned = false;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  record(schedule: Schedule, compiled: boolean): void {
    if (this.#warned) return;
    this.#recent.push(compiled);
    if (this.#recent.length > window) this.#recent.shift();
    if (!compiled) return;
    const current = describe(schedule);
    const compilations = this.#recent.filter(Boolean).length;
    if (compilations >= compilationsToWarn) {
      this.#warned = true;
      this.#warn(
        `tfjs-backend-onnxruntime compiled ${compilations} of the last ${this.#recent.length} graphs anew. ` +
          `${difference(this.#previous, current)} Keep shapes and attributes the same from step to step ` +
          '(a last, smaller batch is fine), or raise cacheEntries if the graphs do come back.',
      );
    }
    this.#previous = current;
  }
}

function describe(schedule: Schedule): string[] {
  return schedule.nodes.map((node) => {
    const inputs = node.inputs.map(({ shape, dtype }) => `${dtype}[${shape.join(',')}]`).join(', ');
    const attributes = Object.entries(node.attributes).map(([name, value]) => `${name}=${String(value)}`);
    return `${node.op.name}(${[inputs, ...attributes].filter(Boolean).join('; ')})`;
  });
}

function difference(previous: readonly string[], current: readonly string[]): string {
  const index = current.findIndex((node, i) => node !== previous[i]);
  if (index < 0) return 'The operations are the same, but wired differently or read at different moments.';
  const before = previous[index];
  const op = current[index]!.slice(0, current[index]!.indexOf('('));
  return `The first operation that changed is ${op}: ${before ?? 'nothing'} became ${current[index]}.`;
}
