/**
 * What turns the last feature map into an embedding: the reference's output heads, by its letters. Most end in a fully
 * connected layer and a batch norm whose gamma is fixed, so that embeddings come out centred and of equal spread.
 */
import { BackbonesError } from '../backbones-error.ts';
import type { Activation, GraphBuilder } from '../graph/graph-builder.ts';

/** What a head may need to know. */
export interface HeadSettings {
  readonly embeddingSize: number;
  readonly activation: Activation;
  /** Share dropped by the heads that drop. The reference's is 0.4. */
  readonly dropout: number;
  /** Filters of the depthwise convolutions in heads, if that divides the channels. Default 512, the reference's. */
  readonly depthwiseFilters?: number;
}

type Head = (graph: GraphBuilder, x: string, settings: HeadSettings) => string;

/** The name under which the reference looks for the embedding. */
const EMBEDDING = 'fc1';
/** MXNet's default, where the reference gives none. */
const DEFAULT_EPSILON = 1e-3;
/** Channels that the reference takes every last map to have. */
const USUAL_CHANNELS = 512;

function depthwiseFilters(
  graph: GraphBuilder,
  x: string,
  { depthwiseFilters: wanted = USUAL_CHANNELS }: HeadSettings,
): number {
  const channels = graph.channels(x);
  return channels % wanted === 0 ? wanted : channels;
}

/** The last step of most heads: a matrix, then a batch norm without a scale. */
const projected: Head = (graph, x, { embeddingSize }) =>
  graph.batchNorm(EMBEDDING, graph.fullyConnected('pre_fc1', x, embeddingSize), { fixGamma: true });

const normalised: Head = (graph, x) => graph.batchNorm('bn1', x);

const dropped: Head = (graph, x, { dropout }) =>
  graph.add(graph.numbered('dropout'), { kind: 'dropout', rate: dropout }, x);

const onlyConnected: Head = (graph, x, { embeddingSize }) =>
  graph.fullyConnected(EMBEDDING, x, embeddingSize);

/** One after another. */
const chain =
  (...heads: readonly Head[]): Head =>
  (graph, x, settings) =>
    heads.reduce((value, head) => head(graph, value, settings), x);

/** A depthwise convolution and a pointwise one before the matrix. */
const separableConvolution: Head = (graph, x, settings) => {
  const { activation } = settings;
  const filters = depthwiseFilters(graph, x, settings);
  const depthwise = graph.convolution('convf', x, {
    filters,
    kernel: 3,
    stride: 2,
    padding: 1,
    groups: filters,
  });
  const first = graph.activation('reluf', graph.batchNorm('bnf', depthwise), activation);
  const pointwise = graph.convolution('convf2', first, { filters, bias: true });
  return graph.activation('reluf2', graph.batchNorm('bnf2', pointwise), activation);
};

const globalAverage: Head = (graph, x, { activation }) => {
  const pooled = graph.globalAverage('pool1', graph.activation('relu1', x, activation));
  return graph.add(graph.numbered('flatten'), { kind: 'flatten' }, pooled);
};

/** A depthwise convolution over the whole map (MobileFaceNet, Chen et al., 2018): 7x7 at the usual image size. */
const globalDepthwise: Head = (graph, x, settings) => {
  const [height, width] = graph.shape(x) as [number, number, number];
  const filters = depthwiseFilters(graph, x, settings);
  const convolved = graph.convolution('conv_6dw7_7_conv2d', x, {
    filters,
    kernel: [height, width],
    groups: filters,
  });
  return graph.batchNorm('conv_6dw7_7_batchnorm', convolved, { epsilon: DEFAULT_EPSILON });
};

/** Norm-aware pooling: positions are weighted by how their norm compares with the mean norm (of the whole batch). */
const normAwarePooling: Head = (graph, x, settings) => {
  const { embeddingSize, activation } = settings;
  const isTooNarrow = embeddingSize > Math.min(graph.channels(x), USUAL_CHANNELS);
  const channels = isTooNarrow ? embeddingSize : graph.channels(x);
  const widened = isTooNarrow
    ? graph.activation(
        'convx_relu',
        graph.batchNorm('convx_bn', graph.convolution('convx', x, { filters: embeddingSize })),
        activation,
      )
    : x;
  const features = graph.batchNorm('bn6f', widened, { fixGamma: true });
  const squares = graph.add(graph.numbered('_mul'), { kind: 'multiply' }, features, features);
  const sums = graph.add(graph.numbered('sum'), { kind: 'sum-channels' }, squares);
  const norms = graph.add(graph.numbered('sqrt'), { kind: 'square-root' }, sums);
  const mean = graph.add(graph.numbered('mean'), { kind: 'mean-of-batch' }, norms);
  const weights = graph.add(graph.numbered('broadcast_div'), { kind: 'divide' }, mean, norms);
  const repeated = graph.add(graph.numbered('tile'), { kind: 'repeat-channels', times: channels }, weights);
  const weighted = graph.add(graph.numbered('_mul'), { kind: 'multiply' }, features, repeated);
  const pooled = graph.globalAverage(graph.numbered('pooling'), weighted);
  if (embeddingSize < channels) {
    return projected(graph, graph.batchNorm('bn6w', pooled, { fixGamma: true }), settings);
  }
  const flat = graph.add(graph.numbered('flatten'), { kind: 'flatten' }, pooled);
  return graph.batchNorm(EMBEDDING, flat, { fixGamma: true });
};

const HEADS = {
  Z: chain(normalised, dropped),
  E: chain(normalised, dropped, projected),
  FC: chain(normalised, projected),
  SFC: chain(normalised, separableConvolution, projected),
  GAP: chain(normalised, globalAverage, projected),
  GNAP: normAwarePooling,
  GDC: chain(globalDepthwise, projected),
  F: chain(normalised, dropped, onlyConnected),
  G: chain(normalised, onlyConnected),
  H: onlyConnected,
  I: chain(normalised, projected),
  J: projected,
} as const satisfies Record<string, Head>;

/** Names of the heads: the reference's `net_output`. */
export type OutputHead = keyof typeof HEADS;

export const outputHeads = Object.keys(HEADS) as readonly OutputHead[];

/**
 * Adds a head to a network.
 *
 * @returns the node of the embedding
 * @throws BackbonesError `invalid-option` for an unknown head
 */
export function addOutputHead(
  graph: GraphBuilder,
  x: string,
  head: OutputHead,
  settings: HeadSettings,
): string {
  if (!Object.hasOwn(HEADS, head)) {
    throw new BackbonesError(
      'invalid-option',
      `there is no output head ${JSON.stringify(head)}; known are ${outputHeads.join(', ')}`,
    );
  }
  return HEADS[head](graph, x, settings);
}
