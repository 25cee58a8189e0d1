/** A run whose batch normalisation has nothing to normalise by: it trains, and its network learns nothing. */
import type { NetworkGraph } from '@arcface/backbones';
import { type TrainOptions, withFrozenStatistics } from '@arcface/trainer';

/**
 * Whether embeddings are normalised over one image at a time, which makes them the same for all images. (Maps have many places an image; rows are
 * what is meant.)
 */
export function normalisesSingleImages(
  graph: NetworkGraph,
  { batchSize = 128, accumulate = 1, syncBatchNorm = false, frozen = [] }: TrainOptions,
  ranks: number,
): boolean {
  if (batchSize / accumulate / (syncBatchNorm ? 1 : ranks) > 1) return false;
  const { nodes } = withFrozenStatistics(graph, frozen);
  const rows = nodes.filter(({ layer }) => layer.kind === 'fully-connected' || layer.kind === 'flatten');
  const names = new Set(rows.map(({ name }) => name));
  return nodes.some(
    ({ layer, inputs }) => layer.kind === 'batch-norm' && !layer.globalStatistics && names.has(inputs[0]!),
  );
}
