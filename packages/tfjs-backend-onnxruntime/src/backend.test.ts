// The backend as a machine: what compiles and what does not, what is kept and what is freed, what is refused.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { parseOnnxModel } from 'onnx-format';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { configure, dumpGraph, flush, OnnxRuntimeBackendError, statistics } from './index.ts';

const values = (tensor: tf.Tensor) => {
  const result = Array.from(tensor.dataSync());
  tensor.dispose();
  return result;
};

/** What `f` adds to the counters. */
function cost(f: () => void): { runs: number; compilations: number } {
  const before = statistics();
  f();
  const after = statistics();
  return { runs: after.runs - before.runs, compilations: after.compilations - before.compilations };
}

/** A graph of `length` operations. */
function chain(length: number): tf.Tensor {
  let end: tf.Tensor = tf.tensor1d([1, 2]);
  for (let i = 0; i < length; i++) end = tf.neg(end);
  return end;
}

beforeEach(async () => {
  await tf.setBackend('onnxruntime');
  // What changes drops the graphs of the test before.
  configure({ cacheEntries: 1 });
  configure({
    threads: 1,
    cacheEntries: 32,
    cacheBytes: 4 * 2 ** 30,
    layout: 'blocked',
    pendingNodes: 20_000,
    pendingBytes: 512 * 2 ** 20,
    dumpDirectory: null,
  });
});
afterEach(() => vi.restoreAllMocks());

function network() {
  const filter = tf.variable(tf.randomNormal([3, 3, 3, 16], 0, 0.3, 'float32', 1));
  const dense = tf.variable(tf.randomNormal([16, 4], 0, 0.3, 'float32', 2));
  const loss = (images: tf.Tensor4D, labels: tf.Tensor1D) => {
    const features = tf.relu(tf.conv2d(images, filter as unknown as tf.Tensor4D, 2, 'same'));
    const logits = tf.matMul(tf.mean(features, [1, 2]) as tf.Tensor2D, dense as unknown as tf.Tensor2D);
    return tf.losses.softmaxCrossEntropy(tf.oneHot(labels, 4), logits) as tf.Scalar;
  };
  return { filter, dense, loss, dispose: () => tf.dispose([filter, dense]) };
}

function train(model: ReturnType<typeof network>, optimiser: tf.Optimizer, batch: number): number {
  const images = tf.randomNormal([batch, 8, 8, 3], 0, 1, 'float32', 3) as tf.Tensor4D;
  const labels = tf.tensor1d(
    Array.from({ length: batch }, (_, i) => i % 4),
    'int32',
  );
  const loss = optimiser.minimize(() => model.loss(images, labels), true)!;
  tf.dispose([images, labels]);
  return values(loss)[0]!;
}

/** The error of this package that `f` throws, or null. */
function refused(f: () => unknown) {
  try {
    f();
  } catch (error) {
    if (error instanceof OnnxRuntimeBackendError) {
      return { code: error.code, op: error.op, message: error.message };
    }
    throw error;
  }
  return null;
}

describe('laziness', () => {
  it('computes nothing until a tensor is read, then all that is alive in one run', () => {
    const a = tf.tensor1d([1, 2, 3]);
    const before = statistics();
    const b = tf.exp(a);
    const c = tf.add(b, 1);
    expect(statistics().runs).toBe(before.runs);
    expect(statistics().pendingTensors).toBe(before.pendingTensors + 2);
    expect(cost(() => c.dataSync())).toEqual({ runs: 1, compilations: 1 });
    expect(cost(() => b.dataSync())).toEqual({ runs: 0, compilations: 0 });
    tf.dispose([a, b, c]);
  });

  it('does not compute what was disposed', () => {
    const a = tf.tensor1d([1, 2, 3]);
    const unused = tf.exp(a);
    unused.dispose();
    const before = statistics().runs;
    flush();
    expect(statistics().runs).toBe(before);
    a.dispose();
  });

  it('takes the numbers as they were when the tensor was made', () => {
    const batch = new Float32Array([1, 2]);
    const doubled = tf.mul(tf.tensor1d(batch), 2);
    batch.fill(100);
    expect(values(doubled)).toEqual([2, 4]);
  });

  it('does not let a tensor that cannot be computed take others with it', () => {
    const index = tf.add(tf.tensor1d([7], 'int32'), tf.scalar(1, 'int32'));
    const beyond = tf.gather(tf.tensor1d([1, 2]), index as tf.Tensor1D);
    const sound = tf.exp(tf.tensor1d([0]));
    expect(values(sound)).toEqual([1]);
    expect(() => beyond.dataSync()).toThrow(/GatherV2/);
    tf.dispose([beyond, index]);
  });

  it('computes without a read when very much is pending', () => {
    configure({ pendingNodes: 10 });
    const before = statistics().runs;
    let x: tf.Tensor = tf.scalar(0);
    for (let i = 0; i < 25; i++) x = tf.add(x, 1);
    expect(statistics().runs).toBe(before + 2);
    expect(values(x)).toEqual([25]);
  });

  it('computes a training loop that reads nothing in whole steps, all pieces but the ends by one graph', async () => {
    const targets = [1, -2, 3, 0.5];
    const train = () => {
      const weights = tf.variable(tf.zeros([4]));
      const optimiser = tf.train.sgd(0.1);
      // As an epoch that adds its losses up and reads the sum in the end.
      let total: tf.Tensor = tf.scalar(0);
      for (let step = 0; step < 60; step++) {
        total = tf.tidy(() => {
          const batch = tf.tensor1d(targets.map((target) => target + step / 60));
          const loss = optimiser.minimize(
            () => tf.sum(tf.square(tf.sub(weights as tf.Tensor, batch))),
            true,
          )!;
          return tf.add(total, loss);
        });
      }
      const found = [...values(total), ...weights.dataSync()];
      weights.dispose();
      optimiser.dispose();
      return found;
    };
    await tf.setBackend('cpu');
    const expected = train();
    await tf.setBackend('onnxruntime');
    configure({ pendingNodes: 1600 });
    let found: number[] = [];
    const { runs, compilations } = cost(() => {
      found = train();
    });
    for (const [i, value] of expected.entries()) expect(found[i]!).toBeCloseTo(value, 3);
    expect(runs).toBeGreaterThan(8);
    // The first piece and the last are unlike the others.
    expect(compilations).toBeLessThanOrEqual(3);
  });

  it.each([
    ['cut out of a dataset', true],
    ['written one by one', false],
  ])('puts batches %s through a network in whole ones, where nothing is read', (_, isCut) => {
    // A part of which is 40.
    configure({ pendingNodes: 1600 });
    const rows = Array.from({ length: 50 }, (_, batch) =>
      Float32Array.from({ length: 8 * 32 }, (_, i) => Math.sin(batch + i)),
    );
    const dataset = tf.tensor2d(rows.flatMap((batch) => [...batch]) as number[], [400, 32]);
    const network = (x: tf.Tensor) => tf.mean(Array.from({ length: 12 }).reduce<tf.Tensor>(tf.sin, x), 1);
    const embeddings = (batches: number, isRead: boolean) => {
      const parts = rows.slice(0, batches).map((batch, i) => {
        const part = tf.tidy(() =>
          network(isCut ? tf.slice(dataset, [8 * i, 0], [8, -1]) : tf.tensor2d(batch, [8, 32])),
        );
        if (isRead) part.dataSync();
        return part;
      });
      const all = values(tf.concat(parts));
      tf.dispose(parts);
      return all;
    };
    const expected = embeddings(50, true);
    let found: number[] = [];
    const first = cost(() => {
      found = embeddings(40, false);
    });
    expect(found).toEqual(expected.slice(0, 320));
    expect(first.runs).toBeGreaterThan(8);
    // All pieces but the last are one graph.
    expect(first.compilations).toBe(2);
    // And however many there are, the last is one of a few.
    expect(cost(() => embeddings(50, false)).compilations).toBeLessThanOrEqual(1);
    dataset.dispose();
  });

  it('keeps a step whole in which a gradient is taken within the rule of another', () => {
    configure({ pendingNodes: 400 });
    const before = statistics().runs;
    const { state } = tf.engine();
    const recomputed = tf.customGrad((x, save) => {
      (save as unknown as tf.GradSaveFunc)([x as tf.Tensor]);
      const deep = (y: tf.Tensor) => tf.tidy(() => Array.from({ length: 15 }).reduce<tf.Tensor>(tf.sin, y));
      return {
        value: deep(x as tf.Tensor),
        gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => {
          const { activeTape } = state;
          const gradient = tf.grad(deep)(saved!, dy);
          state.activeTape = activeTape;
          return gradient;
        },
      };
    });
    const x = tf.tensor1d([0.5]);
    const gradient = tf.grad((y) => recomputed(recomputed(y)))(x);
    expect(statistics().runs).toBe(before);
    expect(values(gradient)[0]).toBeGreaterThan(0);
    x.dispose();
  });

  it('computes without a read when much was written', () => {
    configure({ pendingBytes: 1000 });
    const before = statistics();
    const batch = new Float32Array(100);
    const sums = [0, 1, 2, 3].map((value) => tf.tidy(() => tf.sum(tf.tensor1d(batch.fill(value)))));
    // The third batch was too much for two.
    expect(statistics().runs).toBe(before.runs + 1);
    expect(statistics().pendingTensors).toBe(before.pendingTensors + 2);
    expect(sums.flatMap(values)).toEqual([0, 100, 200, 300]);
  });

  it('renames without computing', () => {
    const a = tf.tensor1d([1, 2, 3, 4]);
    expect(cost(() => expect(values(tf.reshape(a, [2, 2]))).toEqual([1, 2, 3, 4]))).toMatchObject({
      runs: 0,
    });
    a.dispose();
  });

  it('reads asynchronously and tells its time', async () => {
    const a = tf.tensor1d([4, 9]);
    const root = tf.sqrt(a);
    expect(Array.from(await root.data())).toEqual([2, 3]);
    const timing = await tf.time(() => void tf.exp(a));
    expect(timing.kernelMs).toBeGreaterThan(0);
    tf.dispose([a, root]);
  });

  it('moves tensors from and to other backends', async () => {
    await tf.setBackend('cpu');
    const a = tf.tensor1d([1, 2]);
    await tf.setBackend('onnxruntime');
    const b = tf.add(a, 1);
    await tf.setBackend('cpu');
    expect(values(tf.add(b, 1))).toEqual([3, 4]);
    tf.dispose([a, b]);
  });

  it('refuses tensors of other backends that it could not hold, and leaves them where they are', async () => {
    await tf.setBackend('cpu');
    const words = tf.tensor1d(['a', 'b']);
    const spectrum = tf.complex([1, 2], [3, 4]);
    await tf.setBackend('onnxruntime');
    for (const tensor of [words, spectrum]) {
      expect(() => tf.reshape(tensor, [2, 1])).toThrowError(
        expect.objectContaining({ code: 'unsupported-dtype' }),
      );
    }
    expect(words.dataSync()).toEqual(['a', 'b']);
    expect([...spectrum.dataSync()]).toEqual([1, 3, 2, 4]);
    tf.dispose([words, spectrum]);
  });
});

describe('compilation', () => {
  it('happens once for a training step, whatever the batch holds and the learning rate is', () => {
    const model = network();
    const optimiser = tf.train.sgd(0.1);
    expect(cost(() => train(model, optimiser, 4))).toEqual({ runs: 1, compilations: 1 });
    expect(cost(() => train(model, optimiser, 4)).compilations).toBe(0);
    optimiser.setLearningRate(0.01);
    expect(cost(() => train(model, optimiser, 4)).compilations).toBe(0);
    expect(cost(() => train(model, optimiser, 3)).compilations).toBe(1);
    expect(cost(() => train(model, optimiser, 4)).compilations).toBe(0);
    optimiser.dispose();
    model.dispose();
  });

  it('happens once for a loop that cuts its batches out of a tensor', () => {
    const dataset = tf.tensor2d(
      Array.from({ length: 24 }, (_, i) => i),
      [8, 3],
    );
    const labels = tf.tensor1d([0, 1, 1, 0, 1, 0, 0, 1], 'bool');
    const sums = (first: number) =>
      tf.tidy(() => {
        const batch = tf.slice(dataset, [first, 0], [2, -1]);
        const some = tf.cast(tf.slice(labels, first, 2), 'float32');
        return values(tf.sum(tf.mul(batch, tf.reshape(some, [2, 1]))));
      });
    expect(sums(0)).toEqual([3 + 4 + 5]);
    const rest = () => expect([2, 4, 6].map(sums)).toEqual([[6 + 7 + 8], [12 + 13 + 14], [21 + 22 + 23]]);
    expect(cost(rest)).toEqual({ runs: 3, compilations: 0 });
    // A column is not in one piece.
    expect(values(tf.slice(dataset, [0, 1], [3, 1]))).toEqual([1, 4, 7]);
    tf.dispose([dataset, labels]);
  });

  it('happens once, also where the optimiser makes its state in the first step', () => {
    const scale = tf.variable(tf.fill([4], 0.25));
    const optimiser = tf.train.momentum(0.1, 0.9);
    const step = () =>
      optimiser.minimize(() => tf.sum(tf.square(tf.mul(scale, [1, 2, 3, 4]))) as tf.Scalar, true)!;
    const run = () => {
      const loss = step();
      loss.dataSync();
      loss.dispose();
    };
    expect(cost(run)).toEqual({ runs: 1, compilations: 1 });
    expect(cost(run)).toEqual({ runs: 1, compilations: 0 });
    scale.dispose();
    optimiser.dispose();
  });

  it('comes to an end where slopes of PReLUs hover about 1, whichever of them are above it', () => {
    const images = tf.randomNormal([2, 4, 4, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
    const filter = tf.randomNormal([3, 3, 3, 16], 0, 1, 'float32', 2) as tf.Tensor4D;
    const variables = [0.5, 0.5].map((slope) => tf.variable(tf.fill([16], slope)));
    const step = (...slopes: readonly number[]) => {
      for (const [i, variable] of variables.entries()) variable.assign(tf.fill([16], slopes[i]!));
      const network = () => {
        const x: tf.Tensor = tf.conv2d(images, filter, 1, 'same');
        return variables.reduce((y, slope) => tf.prelu(y, slope as tf.Tensor), x);
      };
      return cost(() => values(tf.tidy(network))).compilations;
    };
    expect([step(0.5, 0.5), step(0.9, 1.1), step(1.1, 1.2)]).toEqual([1, 1, 1]);
    for (const slopes of [
      [0.9, 0.9],
      [1.1, 0.9],
      [0.9, 1.1],
      [1, 1],
    ] as const) {
      expect(step(...slopes)).toBe(0);
    }
    tf.dispose([images, filter, ...variables]);
  });

  it('is not asked for by numbers: scalars, fills, bounds, paddings', () => {
    const x = tf.tensor1d([1, 2, 3]);
    const step = (n: number) =>
      values(tf.pad(tf.clipByValue(tf.add(tf.mul(x, n), tf.fill([3], n + 2)), n, n + 1), [[1, 1]], n));
    expect(step(3)).toEqual([3, 4, 4, 4, 3]);
    expect(cost(() => expect(step(7)).toEqual([7, 8, 8, 8, 7]))).toEqual({ runs: 1, compilations: 0 });
    x.dispose();
  });

  it('tells apart what differs only in an attribute, the wiring or what is read', () => {
    const x = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    const y = tf.tensor2d([
      [5, 6],
      [7, 8],
    ]);
    expect(values(tf.sum(x, 0))).toEqual([4, 6]);
    expect(values(tf.sum(x, 1))).toEqual([3, 7]);
    expect(values(tf.sub(x, y))).toEqual([-4, -4, -4, -4]);
    expect(values(tf.tidy(() => tf.sub(tf.neg(x), x)))).toEqual([-2, -4, -6, -8]);
    expect(values(tf.tidy(() => tf.sub(x, tf.neg(x))))).toEqual([2, 4, 6, 8]);
    tf.dispose([x, y]);
  });

  it('keeps graphs when it is configured as it is, and drops them when anything changes', () => {
    const x = tf.tensor1d([1, 2]);
    const run = () => cost(() => values(tf.exp(x))).compilations;
    expect(run()).toBe(1);
    configure({ threads: 1 });
    expect([statistics().sessions, run()]).toEqual([1, 0]);
    configure({ threads: 2 });
    expect([statistics().sessions, run()]).toEqual([0, 1]);
    x.dispose();
  });

  it('drops the least recently used graph beyond the limit', () => {
    configure({ cacheEntries: 2 });
    const x = tf.tensor1d([1, 2]);
    const run = (f: (x: tf.Tensor) => tf.Tensor) => cost(() => values(f(x))).compilations;
    expect([run(tf.exp), run(tf.neg), run(tf.exp), run(tf.abs)]).toEqual([1, 1, 0, 1]);
    expect(statistics().sessions).toBe(2);
    expect([run(tf.exp), run(tf.neg)]).toEqual([0, 1]);
    x.dispose();
  });

  it('drops graphs beyond the limit in bytes, but never the newest', () => {
    configure({ cacheBytes: 1 });
    const x = tf.tensor1d([1, 2]);
    values(tf.exp(x));
    values(tf.neg(x));
    expect(statistics()).toMatchObject({ sessions: 1 });
    x.dispose();
  });

  it('gives the same bits for the same input', () => {
    const x = tf.randomNormal([2, 8, 8, 16], 0, 1, 'float32', 7) as tf.Tensor4D;
    const w = tf.randomNormal([3, 3, 16, 16], 0, 1, 'float32', 8) as tf.Tensor4D;
    const once = values(tf.conv2d(x, w, 1, 'same'));
    expect(values(tf.conv2d(x, w, 1, 'same'))).toEqual(once);
    tf.dispose([x, w]);
  });
});

describe('memory', () => {
  it('is constant over training steps', () => {
    const model = network();
    const optimiser = tf.train.momentum(0.1, 0.9);
    train(model, optimiser, 4);
    train(model, optimiser, 4);
    const tensors = tf.memory().numTensors;
    const { concreteTensors, pendingTensors, sessions } = statistics();
    for (let i = 0; i < 20; i++) train(model, optimiser, 4);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(statistics()).toMatchObject({ concreteTensors, pendingTensors, sessions });
    optimiser.dispose();
    model.dispose();
  });

  it('is given back by dispose and tidy, with names shared by clones and reshapes', () => {
    const { numTensors } = tf.memory();
    const held = statistics().concreteTensors;
    const a = tf.tensor1d([1, 2, 3, 4]);
    const b = tf.tidy(() => tf.reshape(tf.clone(a), [2, 2]));
    a.dispose();
    expect(values(tf.tidy(() => tf.add(b, tf.ones([2, 2]))))).toEqual([2, 3, 4, 5]);
    b.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(statistics().concreteTensors).toBe(held);
  });
});

describe('refusals', () => {
  it.each([
    ['string', () => tf.tensor(['a'])],
    ['complex64', () => tf.cast(tf.tensor1d([1]), 'complex64')],
  ])('names the dtype %s', (dtype, f) => {
    const error = refused(f);
    expect(error?.code).toBe('unsupported-dtype');
    expect(error?.message).toContain(dtype);
  });

  it('names the kernel whose attribute it does not take', () => {
    const x = tf.zeros([1, 3, 4, 4]) as tf.Tensor4D;
    const w = tf.zeros([1, 1, 3, 2]) as tf.Tensor4D;
    const attributes = { strides: 1, pad: 0, dataFormat: 'NCHW', dilations: 1 };
    const error = refused(() => tf.engine().runKernel('DepthwiseConv2dNative', { x, filter: w }, attributes));
    expect(error).toMatchObject({ code: 'unsupported-attribute', op: 'DepthwiseConv2dNative' });
    tf.dispose([x, w]);
  });

  it.each([{ threads: 0 }, { cacheEntries: 1.5 }, { layout: 'nhwc' as 'nchw' }])(
    'refuses the option %o and keeps the others',
    (options) => {
      expect(refused(() => configure(options))?.code).toBe('invalid-option');
      expect(values(tf.exp(tf.scalar(0)))).toEqual([1]);
    },
  );

  it('names what was disposed, and a folder that it cannot write to', () => {
    const x = tf.tensor1d([1]);
    x.dispose();
    expect(refused(() => tf.exp(x))).toMatchObject({ code: 'unknown-tensor' });
    const y = tf.tidy(() => tf.exp(tf.tensor1d([1])));
    const path = fileURLToPath(import.meta.url);
    expect(refused(() => dumpGraph(path))).toMatchObject({
      code: 'invalid-option',
      message: expect.stringContaining(path),
    });
    expect(values(y)[0]).toBeCloseTo(Math.E, 5);
  });

  it('names a variable that lost its value by being assigned it', () => {
    const variable = tf.tidy(() => tf.variable(tf.exp(tf.tensor1d([1, 2]))));
    expect(refused(() => variable.assign(variable))).toMatchObject({
      code: 'unknown-tensor',
      message: expect.stringContaining('assigned to itself'),
    });
    variable.dispose();
    expect(values(tf.exp(tf.scalar(0)))).toEqual([1]);
  });

  it('says what a profiled kernel refuses as if it were not profiled', async () => {
    const parts = [tf.zeros([2, 3]), tf.zeros([3, 2])];
    const concat = () => tf.engine().runKernel('Concat', parts as unknown as tf.NamedTensorMap, { axis: 0 });
    const message = /Error in concat2D/;
    expect(concat).toThrow(message);
    await expect(tf.profile(() => concat() as tf.Tensor)).rejects.toThrow(message);
    // tfjs does not look whether what it profiles has thrown.
    tf.engine().state.profiling = false;
    tf.dispose(parts);
  });

  it('says that memory is short, of which kernel, and goes on with what fits', () => {
    // 400 TB: more than a process can address, whatever the machine and its settings.
    const column = tf.fill<tf.Rank.R2>([10_000_000, 1], 2);
    const row = tf.fill<tf.Rank.R2>([1, 10_000_000], 3);
    const error = refused(() => tf.tidy(() => tf.sum(tf.matMul(column, row)).dataSync()));
    expect(error?.code).toBe('out-of-memory');
    expect(error?.op).toBe('BatchMatMul');
    expect(error?.message).toMatch(/400000000000000.*smaller batches/s);
    column.dispose();
    row.dispose();
    expect(values(tf.square(tf.tensor1d([1, 2])))).toEqual([1, 4]);
  });

  it('tells the line that called the kernel, when asked to keep such lines, and else how to ask', () => {
    const beyond = () => {
      const index = tf.add(tf.tensor1d([7], 'int32'), tf.scalar(1, 'int32')) as tf.Tensor1D;
      return tf.tidy(() => tf.gather(tf.tensor1d([1, 2]), index).dataSync());
    };
    expect(refused(beyond)?.message).toContain('configure({callSites: true})');
    configure({ callSites: true });
    expect(refused(beyond)?.message).toMatch(/GatherV2 called at .*backend\.test\.ts:\d+:\d+/);
    configure({ callSites: false });
  });

  it('warns once, naming the operation, when every graph is compiled anew', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    for (let n = 1; n < 40; n++) values(tf.tidy(() => tf.sum(tf.exp(tf.ones([n, 7, 3])), 0)));
    const messages = warn.mock.calls.map(([message]) => String(message)).filter((m) => m.includes('anew'));
    expect(messages.length).toBe(1);
    expect(messages[0]).toContain('Exp: float32[13,7,3] became float32[14,7,3]');
  });

  it('does not warn of a program of many graphs, each compiled once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const graph = (length: number) => values(tf.tidy(() => chain(length)));
    for (let step = 0; step < 3; step++) for (let length = 1; length <= 24; length++) graph(length);
    expect(warn).not.toHaveBeenCalled();
  });

  it('warns of a graph that grows from step to step', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    for (let length = 1; length < 80; length++) values(tf.tidy(() => chain(length)));
    expect(warn).toHaveBeenCalledTimes(1);
    expect(String(warn.mock.calls[0])).toContain('where nothing was');
  });
});

describe('dumps', () => {
  const directory = mkdtempSync(join(tmpdir(), 'onnx-dump-'));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('writes the pending graph as an ONNX model, with operators named after kernels', () => {
    const x = tf.tensor1d([1, 2]);
    const y = tf.sinh(x);
    const path = dumpGraph(directory, 'sinh')!;
    expect(readFileSync(path).includes('Sinh/Sinh')).toBe(true);
    expect(values(y)[0]).toBeCloseTo(Math.sinh(1), 5);
    expect(dumpGraph(directory)).toBeNull();
    x.dispose();
  });

  it('writes every graph it compiles when told a directory', () => {
    configure({ dumpDirectory: directory });
    values(tf.erf(tf.scalar(0.25)));
    const [file, ...others] = readdirSync(directory);
    expect(others).toEqual([]);
    const { nodes } = parseOnnxModel(readFileSync(join(directory, file!))).graph;
    expect(nodes.map(({ opType }) => opType)).toContain('Erf');
  });
});

it('leaves the backend to the copy of the package that was imported first', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  vi.resetModules();
  const copy = await import('./index.ts');
  expect(() => copy.statistics()).toThrowError(
    expect.objectContaining({
      code: 'runtime-unavailable',
      message: expect.stringContaining('another copy'),
    }),
  );
  expect(values(tf.exp(tf.scalar(0)))).toEqual([1]);
});

describe('when the backend is removed', () => {
  it('leaves tensors readable, and says what is gone', async () => {
    const pending = tf.exp(tf.tensor1d([0]));
    await tf.setBackend('cpu');
    tf.removeBackend('onnxruntime');
    expect(values(tf.add(pending, 1))).toEqual([2]);
    pending.dispose();
    expect(refused(() => statistics())?.code).toBe('runtime-unavailable');
  });
});
