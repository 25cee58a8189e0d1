// ONNX models as they are written, judged by ONNX Runtime: it loads them and computes what they say.

import { expect, it } from 'vitest';
import { loadRuntime } from '../runtime/native-binding.ts';
import { OnnxGraph } from './graph.ts';

function run(graph: OnnxGraph, feeds: Record<string, number[]>, output: string): number[] {
  const { binding, Tensor } = loadRuntime();
  const model = graph.serialise();
  const session = new binding.InferenceSession();
  session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'disabled',
    executionMode: 'sequential',
    enableMemPattern: false,
    enableCpuMemArena: false,
    logSeverityLevel: 4,
  });
  const tensors = Object.entries(feeds).map(([name, values]) => [
    name,
    new Tensor('float32', Float32Array.from(values), [values.length]),
  ]);
  const result = session.run(Object.fromEntries(tensors), { [output]: null }, {})[output]!;
  session.dispose();
  return Array.from(result.data);
}

it('writes attributes of every type and constants', () => {
  const graph = new OnnxGraph();
  const x = graph.input('float32', [4]);
  const leaky = graph.op('LeakyRelu', [x], { alpha: { float: 0.5 } });
  const folded = graph.op('Transpose', [graph.op('Reshape', [leaky, graph.integers([2, 2])])], {
    perm: [1, 0],
  });
  const padded = graph.op('Pad', [folded, graph.integers([0, 0, 0, 1])], { mode: 'edge' });
  const flat = graph.op('Reshape', [padded, graph.integers([-1])]);
  const output = graph.output(flat, 'float32', [6]);
  expect(run(graph, { [x]: [-2, 2, 3, -4] }, output)).toEqual([-1, 3, 3, 2, -2, -2]);
});

it('writes the same operation and the same constant once', () => {
  const graph = new OnnxGraph();
  const x = graph.input('float32', [2]);
  expect(graph.op('Exp', [x])).toBe(graph.op('Exp', [x]));
  expect(graph.op('Softmax', [x], { axis: 0 })).not.toBe(graph.op('Softmax', [x], { axis: -1 }));
  expect(graph.integers([1, 2])).toBe(graph.integers([1, 2]));
  expect(graph.constant('float32', [], [1])).not.toBe(graph.constant('int32', [], [1]));
  expect(graph.nodeCount).toBe(3);
});

it('computes only the branch that is taken, and shares nothing written in a branch', () => {
  const build = () => {
    const graph = new OnnxGraph();
    const x = graph.input('float32', [2]);
    const sum = graph.op('ReduceSum', [x], { keepdims: 0 });
    const isPositive = graph.op('Greater', [sum, graph.constant('float32', [], [0])]);
    const value = graph.conditional(
      isPositive,
      () => graph.op('Exp', [x]),
      () => graph.op('Neg', [graph.op('Exp', [x])]),
      'float32',
      [2],
    );
    const output = graph.output(graph.op('Add', [value, graph.op('Exp', [x])]), 'float32', [2]);
    return { graph, x, output };
  };
  const one = build();
  expect(run(one.graph, { [one.x]: [0, Math.log(2)] }, one.output).map(Math.round)).toEqual([2, 4]);
  expect(run(one.graph, { [one.x]: [0, -Math.log(2)] }, one.output)).toEqual([0, 0]);
});
