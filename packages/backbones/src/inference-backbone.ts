/** A copy of a network for inference only, with what can be computed once moved into the weights. */
import { type Backbone, backboneFromGraph } from './backbone.ts';
import { foldBatchNorms } from './graph/fold-batch-norms.ts';
import { turnSteepPrelus } from './graph/turn-steep-prelus.ts';
import { exportParameters } from './parameters/parameter-arrays.ts';

/**
 * The same embeddings up to rounding, in less time: batch norms (and dropout) are folded into weights and biases. What
 * can't be folded stays, such as the batch norm ahead of a padded convolution. Slopes of PReLUs above 1 go below 1 where the
 * layers on both sides can make up for it: a backend may have a cheaper way for those. Train the original, not this.
 *
 * The copy has parameters of its own: dispose of it too. Reads synchronously from the backend, which WebGPU in a browser
 * cannot do.
 */
export function inferenceBackbone(backbone: Backbone): Backbone {
  const arrays = exportParameters(backbone, { prefixes: false });
  const values = new Map(arrays.map((array) => [array.name, array]));
  const folded = turnSteepPrelus(foldBatchNorms({ graph: backbone.graph, values }));
  return backboneFromGraph(folded.graph, { parameters: folded.values.values() });
}
