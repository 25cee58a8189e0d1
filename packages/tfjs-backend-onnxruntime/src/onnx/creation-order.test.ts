import type { OnnxNode } from 'onnx-format';
import { expect, it } from 'vitest';
import { sortByCreation } from './creation-order.ts';

const node = (output: string, inputs: string[], attributes: OnnxNode['attributes'] = {}): OnnxNode => ({
  name: output,
  opType: 'Add',
  domain: '',
  inputs,
  outputs: [output],
  attributes,
});
const order = (nodes: OnnxNode[]) => sortByCreation(nodes).map(({ name }) => name);

it('sorts nodes by the number of what they write', () => {
  expect(order([node('v3', ['v1']), node('v10', ['v3']), node('v1', ['x']), node('v2', ['v1'])])).toEqual([
    'v1',
    'v2',
    'v3',
    'v10',
  ]);
});

it('but none before what it reads, itself or in a branch', () => {
  const branch = {
    name: 'branch',
    nodes: [node('v4', ['v7_reordered'])],
    initializers: [],
    inputs: [],
    outputs: [{ name: 'v4' }],
  };
  const nodes = [node('v2', ['v9']), node('v5', ['v2'], { then_branch: { graph: branch } })];
  expect(order([...nodes, node('v9', ['x']), node('v7_reordered', ['v8']), node('v8', ['x'])])).toEqual([
    'v9',
    'v2',
    'v8',
    'v7_reordered',
    'v5',
  ]);
});

it('keeps a value without a number ahead of its readers', () => {
  expect(order([node('v1', ['folded']), node('folded', ['x'])])).toEqual(['folded', 'v1']);
});
