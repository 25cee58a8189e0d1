// Where the time of a graph goes, from ONNX Runtime's profiler: it writes a file for each compiled graph, with an event for each
// operator of each run. Operators are named after the tfjs kernel that they come from.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backend } from './register.ts';

/** An event of the profiler's file, as far as it is used here. */
interface Event {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args: {
    readonly op_name: string;
    readonly input_type_shape: readonly Readonly<Record<string, number[]>>[];
    readonly output_type_shape: readonly Readonly<Record<string, number[]>>[];
  };
}

/** One operator of a graph. */
export interface ProfiledOperator {
  /** The tfjs kernel that it comes from. */
  readonly kernel: string;
  /** ONNX's name of it. */
  readonly operator: string;
  /** Of its fastest run, so that other work on the machine disturbs little. */
  readonly milliseconds: number;
  /** Additions and multiplications, where it is a convolution or a matrix product; else 0. */
  readonly flops: number;
  /** Whether it is a convolution with a window of one pixel. */
  readonly isPointwise: boolean;
}

/** All operators of a kind. */
export interface OperatorTime {
  readonly kernel: string;
  readonly operator: string;
  /** How many there are. */
  readonly count: number;
  /** Of one run of each. */
  readonly milliseconds: number;
  readonly flops: number;
}

/**
 * Runs `steps` with ONNX Runtime's profiler on, and tells where the time of the graph went that took most of it: for a loop of
 * training steps, that of a step. Graphs are compiled anew for it, and dropped after it.
 *
 * @returns by kernel and operator, the slowest first; nothing if nothing was computed.
 */
export async function profileOperators(steps: () => void | Promise<void>): Promise<OperatorTime[]> {
  const { profilePrefix } = backend().options;
  const folder = mkdtempSync(join(tmpdir(), 'onnxruntime-profile-'));
  try {
    backend().configure({ profilePrefix: join(folder, 'graph') });
    try {
      await steps();
    } finally {
      // Dropping the graphs is what ends their profiles.
      backend().configure({ profilePrefix });
    }
    return byKind(slowestGraph(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The operators of the graph that took most of the time, of the profiles in a folder. */
export function slowestGraph(folder: string): ProfiledOperator[] {
  let slowest: ProfiledOperator[] = [];
  let most = 0;
  for (const name of readdirSync(folder)) {
    const events = JSON.parse(readFileSync(join(folder, name), 'utf8')) as readonly Event[];
    const operators = events.filter(
      ({ cat, name: event }) => cat === 'Node' && event.endsWith('_kernel_time'),
    );
    const total = operators.reduce((sum, { dur }) => sum + dur, 0);
    if (total <= most) continue;
    most = total;
    slowest = fastestRuns(operators).map(operatorOf);
  }
  return slowest;
}

function fastestRuns(events: readonly Event[]): Event[] {
  const best = new Map<string, Event>();
  for (const event of events) {
    const before = best.get(event.name);
    if (before === undefined || event.dur < before.dur) best.set(event.name, event);
  }
  return [...best.values()];
}

function operatorOf({ name, dur, args }: Event): ProfiledOperator {
  const operator = args.op_name;
  const [first, second] = shapesOf(args.input_type_shape);
  const [output] = shapesOf(args.output_type_shape);
  const size = product(output ?? []);
  let flops = 0;
  if (operator === 'Conv') flops = 2 * size * product(second?.slice(1) ?? []);
  if (operator === 'Gemm' || operator === 'MatMul') flops = 2 * product(first ?? []) * (output?.at(-1) ?? 0);
  return {
    kernel: name.split('/')[0]!,
    operator,
    milliseconds: dur / 1000,
    flops,
    isPointwise: operator === 'Conv' && (second ?? []).slice(2).every((side) => side === 1),
  };
}

function shapesOf(types: readonly Readonly<Record<string, number[]>>[]): number[][] {
  return types.map((type) => Object.values(type)[0] ?? []);
}

function product(shape: readonly number[]): number {
  return shape.reduce((size, side) => size * side, 1);
}

function byKind(operators: readonly ProfiledOperator[]): OperatorTime[] {
  const kinds = new Map<string, OperatorTime>();
  for (const { kernel, operator, milliseconds, flops } of operators) {
    const key = `${kernel}/${operator}`;
    const before = kinds.get(key) ?? { kernel, operator, count: 0, milliseconds: 0, flops: 0 };
    kinds.set(key, {
      ...before,
      count: before.count + 1,
      milliseconds: before.milliseconds + milliseconds,
      flops: before.flops + flops,
    });
  }
  return [...kinds.values()].sort((a, b) => b.milliseconds - a.milliseconds);
}
