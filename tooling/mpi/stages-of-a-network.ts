/**
 * The stages into which `--backward-stages` cuts a network: which gradients each sends, and its share of the work. Cut by the function
 * that cuts it in training; the first stage of the network is the last of the backward pass, and sends what is left.
 */
import { complexity, networkGraph } from '@arcface/backbones';
import { planSteps } from '../../packages/backbones/src/graph/executor.ts';
import { resolveGraph } from '../../packages/backbones/src/graph/network-graph.ts';
import { cutIntoSegments } from '../../packages/backbones/src/graph/segments.ts';

export interface BackwardStage {
  /** Numbers of each tensor that it sends, in order. */
  readonly tensors: readonly number[];
  /** Of the network's operations. */
  readonly share: number;
}

const cuts = new Map<string, BackwardStage[]>();

/** @param count most stages: there are fewer where the network cannot be cut so often */
export function backwardStages(network: string, count: number): BackwardStage[] {
  const name = `${network} ${count}`;
  const cut = cuts.get(name) ?? cutInStages(network, count);
  cuts.set(name, cut);
  return cut;
}

function cutInStages(network: string, count: number): BackwardStage[] {
  const graph = networkGraph(network);
  const resolved = resolveGraph(graph);
  const { layers, flops } = complexity(graph);
  const flopsOf = new Map(layers.map((layer) => [layer.name, layer.flops]));
  const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
  const parameters = [...resolved.parameters.values()];
  const trained = parameters.filter(({ role, fixed }) => role === 'argument' && !fixed);
  const averages = parameters.filter(({ role }) => role === 'auxiliary');
  const segments = cutIntoSegments(planSteps(resolved), { input: graph.input, output: graph.output }, count);
  const told = new Set<string>();
  // Of each stage but the network's first, those that are its own, as the backward pass comes upon them: from its end.
  const stages = segments.toReversed().map(({ steps }, i): BackwardStage => {
    const names = new Set(steps.flatMap((step) => step.parameters));
    const own = i === segments.length - 1 ? [] : trained.filter(({ name }) => names.has(name));
    for (const { name } of own) told.add(name);
    return {
      tensors: own.map(({ shape }) => sizeOf(shape)),
      share: steps.reduce((sum, { output }) => sum + (flopsOf.get(output) ?? 0), 0) / flops,
    };
  });
  const left = trained.filter(({ name }) => !told.has(name));
  return stages.map((stage, i) =>
    i < stages.length - 1
      ? stage
      : { ...stage, tensors: [...left, ...averages].map(({ shape }) => sizeOf(shape)) },
  );
}
