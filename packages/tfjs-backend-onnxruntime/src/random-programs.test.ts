// Whole programs at random: what is traced, read, kept, disposed of, assigned, differentiated and moved between backends comes in any order,
// and every number that is read on the way is held to tfjs's plain CPU backend. (Kernels by themselves are in kernels/differential.test.ts.)
// PROGRAM_ROUNDS runs more of them.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configure, flush, statistics } from './index.ts';
import { backend } from './register.ts';
import { Draws } from './testing/draws.ts';

const rounds = Number(process.env.PROGRAM_ROUNDS ?? 3);
const stepsOfProgram = 40;

const { options } = backend();
beforeAll(async () => {
  configure({ threads: 1, diskCache: null });
  // From here on both are switched between at once.
  for (const name of ['cpu', 'onnxruntime']) await tf.setBackend(name);
});
afterAll(() => {
  configure(options);
  return tf.setBackend('cpu');
});

/** The state of a running program. */
interface Machine {
  readonly backend: string;
  readonly tensors: tf.Tensor[];
  readonly variables: tf.Variable[];
  /** Everything that was read. */
  readonly read: number[][];
}

/** A step is drawn before the program runs, with numbers that pick their operands from what is there then. */
type Step = (machine: Machine) => void;
type Pick = <T>(list: readonly T[]) => T;

const shapes = [[2, 3], [3], [], [3, 2], [1, 4, 4, 16], [2, 1]];
/** Functions that keep numbers small, and have no kinks at which a gradient could go either way. */
const smooth: readonly ((x: tf.Tensor) => tf.Tensor)[] = [
  tf.sin,
  tf.tanh,
  (x) => tf.mul(x, 0.5),
  (x) => tf.clone(x),
  (x) => tf.reshape(x, [x.size]),
  (x) => tf.transpose(x),
  (x) => (x.rank > 0 ? tf.sum(x, -1, true) : tf.neg(x)),
  (x) => tf.mean(x),
  (x) => tf.reverse(tf.reshape(x, [x.size])),
  (x) => tf.concat([tf.reshape(x, [x.size]), tf.zeros([1])]),
  (x) =>
    x.rank === 4
      ? tf.depthwiseConv2d(x as tf.Tensor4D, tf.fill([3, 3, x.shape[3]!, 1], 0.1), 1, 'same')
      : tf.clone(x),
];
const unary = [...smooth, tf.relu, (x: tf.Tensor) => tf.maximum(x, tf.mul(x, 0.3))];
const binary = [tf.add, tf.sub, tf.mul, tf.maximum] as const;

function canBroadcast(a: tf.Tensor, b: tf.Tensor): boolean {
  return [...a.shape].reverse().every((size, i) => {
    const other = b.shape.at(-1 - i);
    return other === undefined || other === size || other === 1 || size === 1;
  });
}

/** Two tensors as one, kept small; the first alone where they do not fit. */
function combined(a: tf.Tensor, b: tf.Tensor, operation: (typeof binary)[number]): tf.Tensor {
  return tf.tidy(() => tf.tanh(canBroadcast(a, b) ? operation(a, b) : a));
}

function pickBy(share: number): Pick {
  return (list) => list[Math.floor(share * list.length)]!;
}

function drawStep(draws: Draws): Step {
  const [first, second] = [0, 1].map(() => pickBy(draws.integer(0, 999) / 1000)) as [Pick, Pick];
  const [f, g, differentiable] = [draws.pick(unary), draws.pick(unary), draws.pick(smooth)];
  const operation = draws.pick(binary);
  const given = draws.floats(draws.pick(shapes), 1);
  const make = () => tf.tensor(given.values, [...given.shape]);
  const kinds: readonly Step[] = [
    ({ tensors }) => tensors.push(make()),
    ({ tensors }) => tensors.push(tf.tidy(() => f(first(tensors)))),
    ({ tensors }) => tensors.push(combined(first(tensors), second(tensors), operation)),
    ({ tensors, variables }) => tensors.push(combined(first(variables), second(tensors), operation)),
    ({ tensors, read }) => read.push([...first(tensors).dataSync()]),
    ({ variables, read }) => read.push([...first(variables).dataSync()]),
    ({ tensors }) => {
      if (tensors.length > 3) tensors.splice(tensors.indexOf(first(tensors)), 1)[0]!.dispose();
    },
    // What is pending refers to the value that the variable had.
    ({ variables }) => {
      const variable = first(variables);
      const next = tf.tidy(() => tf.tanh(tf.add(variable, 0.25)));
      variable.assign(next);
      next.dispose();
    },
    ({ tensors }) => {
      let kept: tf.Tensor | undefined;
      const returned = tf.tidy(() => {
        const inner = tf.tidy(() => {
          kept = tf.keep(tf.tidy(() => f(first(tensors))));
          return [g(kept), tf.neg(kept)];
        });
        return tf.tanh(inner[0]!);
      });
      tensors.push(kept!, returned);
    },
    ({ tensors }) => {
      const x = first(tensors);
      tensors.push(tf.grad((y) => tf.sum(tf.square(differentiable(tf.sin(y)))))(x));
    },
    ({ tensors }) => {
      const x = first(tensors);
      const slope = (y: tf.Tensor) => tf.grad((z) => tf.sum(tf.tanh(tf.mul(z, z))))(y);
      tensors.push(tf.grad((y) => tf.sum(tf.square(slope(y))))(x));
    },
    ({ variables, read }) => {
      const variable = first(variables);
      const optimiser = tf.train.sgd(0.1);
      const loss = optimiser.minimize(() => tf.sum(tf.square(tf.sub(variable, 0.5))), true, [variable])!;
      if (given.shape.length > 0) read.push([...loss.dataSync()]);
      loss.dispose();
      optimiser.dispose();
    },
    (machine) => {
      const { tensors } = machine;
      tf.setBackend('cpu');
      tensors.push(combined(first(tensors), second(tensors), operation));
      tf.setBackend(machine.backend);
    },
    (machine) => {
      if (machine.backend === 'onnxruntime') flush();
    },
  ];
  return draws.pick(kinds);
}

function run(name: string, program: readonly Step[]): number[][] {
  tf.setBackend(name);
  const before = tf.memory().numTensors;
  const variables = tf.tidy(() => [tf.variable(tf.fill([2, 3], 0.3)), tf.variable(tf.scalar(-0.2))]);
  const machine: Machine = {
    ...{ backend: name, variables, read: [] },
    tensors: shapes.map((shape, i) => tf.fill(shape, 0.1 * (i + 1))),
  };
  for (const step of program) step(machine);
  const { tensors, read } = machine;
  for (const tensor of [...tensors, ...variables]) read.push([...tensor.dataSync()]);
  tf.dispose([...tensors, ...variables]);
  expect(tf.memory().numTensors).toBe(before);
  return read;
}

it.each(Array.from({ length: rounds }, (_, i) => i))('program %i', (round) => {
  const draws = new Draws(1000 + round);
  const program = Array.from({ length: stepsOfProgram }, () => drawStep(draws));
  const expected = run('cpu', program);
  const { concreteTensors, pendingTensors } = statistics();
  const found = run('onnxruntime', program);
  expect(statistics()).toMatchObject({ concreteTensors, pendingTensors });
  expect(found.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  for (const [i, values] of expected.entries()) {
    for (const [j, value] of values.entries()) {
      expect(Math.abs(found[i]![j]! - value), `read ${i}, element ${j}`).toBeLessThan(
        1e-4 * (1 + Math.abs(value)),
      );
    }
  }
});
