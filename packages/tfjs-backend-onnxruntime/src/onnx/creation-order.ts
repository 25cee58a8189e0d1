// ONNX Runtime writes an optimised model's nodes in an order of its own, and orders what it loads by where nodes stand. Read
// back as written, a training step would run in an order that holds more activations at once than the order in which
// the nodes were made. So kept models have their nodes sorted by that: values are named `v` and a number that grows.

import {
  type OnnxAttributes,
  type OnnxGraph,
  type OnnxNode,
  parseOnnxModel,
  serializeOnnxModel,
} from 'onnx-format';

/** When a node was made: the number of its first value; what the optimiser put in between has its neighbour's, or none. */
function numberOf({ outputs }: OnnxNode): number {
  const found = /^v(\d+)/.exec(outputs.find((name) => name !== '') ?? '');
  return found ? Number(found[1]) : 0;
}

/** Names of values that a node reads, those of graphs inside it among them. */
export function readBy({ inputs, attributes }: OnnxNode): string[] {
  return [
    ...inputs,
    ...graphsOf(attributes).flatMap(({ nodes, outputs }) => [
      ...nodes.flatMap(readBy),
      ...outputs.map(({ name }) => name),
    ]),
  ];
}

function graphsOf(attributes: OnnxAttributes): OnnxGraph[] {
  return Object.values(attributes).flatMap((value) =>
    typeof value === 'object' && value !== null && 'graph' in value ? [value.graph] : [],
  );
}

/** The nodes in the order in which they were made, as far as each follows what it reads. */
export function sortByCreation(nodes: readonly OnnxNode[]): OnnxNode[] {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const sorted: OnnxNode[] = [];
  const placed = new Set<OnnxNode>();
  const byNumber = nodes
    .map((node) => ({ node, number: numberOf(node) }))
    .sort((a, b) => a.number - b.number);
  const stack: OnnxNode[] = [];
  for (const { node: next } of byNumber) {
    stack.push(next);
    while (stack.length > 0) {
      const node = stack.at(-1)!;
      const waitsFor = placed.has(node)
        ? []
        : readBy(node).flatMap((name) => {
            const producer = producers.get(name);
            return producer && producer !== node && !placed.has(producer) ? [producer] : [];
          });
      if (waitsFor.length > 0) {
        stack.push(...waitsFor.reverse());
        continue;
      }
      stack.pop();
      if (placed.has(node)) continue;
      placed.add(node);
      sorted.push(node);
    }
  }
  return sorted;
}

/** A serialised model with its nodes in the order in which they were made. */
export function inCreationOrder(model: Uint8Array): Uint8Array {
  const { graph, ...rest } = parseOnnxModel(model);
  return serializeOnnxModel({ ...rest, graph: { ...graph, nodes: sortByCreation(graph.nodes) } });
}
