/** A copy of a network for inference only, with its batch norms folded into the layers beside them. */
import { type Backbone, backboneFromGraph } from './backbone.ts';
import { foldBatchNorms } from './graph/fold-batch-norms.ts';
import { exportParameters } from './parameters/parameter-arrays.ts';

/**
 * The same embeddings up to rounding, in less time: batch norms (and dropout) are folded into weights and biases. What
 * can't be folded stays, such as the batch norm ahead of a padded convolution. Train the original, not this.
 *
 * The copy has parameters of its own: dispose of it too. Reads synchronously from the backend, which WebGPU in a browser
 * cannot do.
 */
export function inferenceBackbone(backbone: Backbone): Backbone {
  const arrays = exportParameters(backbone, { prefixes: false });
  const values = new Map(arrays.map((array) => [array.name, array]));
  const folded = foldBatchNorms({ graph: backbone.graph, values });
  return backboneFromGraph(folded.graph, { parameters: folded.values.values() });
}
