/**
 * How parameters start, as the reference's initialiser starts them: weights from the network's distribution (Xavier's for most), gammas and
 * variances at one, slopes at a quarter, everything else at zero. Drawn on the host from a stream a parameter, so a seed
 * means the same network on every backend.
 */
import type { GraphParameter, WeightInitializer } from '../graph/network-graph.ts';
import { elementCount } from '../named-array.ts';
import { SmallFastCounting } from '../small-fast-counting.ts';

const CONSTANTS = { bias: 0, gamma: 1, beta: 0, slope: 0.25, mean: 0, variance: 1 } as const;

/** Values in the reference's layout. */
export function initialValues(
  parameter: GraphParameter,
  initializer: WeightInitializer,
  seed: number,
): Float32Array {
  const { kind, shape, name } = parameter;
  const values = new Float32Array(elementCount(shape));
  if (kind !== 'weight') {
    return values.fill(CONSTANTS[kind]);
  }
  const random = new SmallFastCounting(seed, name);
  const isMatrix = shape.length === 2;
  const { distribution, fan, magnitude } = (isMatrix && initializer.fullyConnected) || initializer;
  const scale = Math.sqrt(magnitude / fanOf(shape, fan));
  if (distribution === 'gaussian') {
    random.fillNormal(values, scale);
  } else {
    random.fillUniform(values, scale);
  }
  return values;
}

function fanOf(shape: readonly number[], fan: WeightInitializer['fan']): number {
  const [out, inputs, ...window] = shape as [number, number, ...number[]];
  return fan === 'none' ? 1 : (fan === 'out' ? out : inputs) * elementCount(window);
}
