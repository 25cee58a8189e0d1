import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { type Backbone, backboneFromSource } from './backbone.ts';
import { networkGraph } from './networks/presets.ts';
import { setFastBackend } from './testing/backend.ts';
import { deterministicImages, parameterValues } from './testing/deterministic-values.ts';
import { oracleIsAbsent, oracleNetwork } from './testing/oracle.ts';
import { configurationOf } from './testing/oracle-configurations.ts';

/** Small enough for any backend; ours gets through many more in the same time. */
const ANYWHERE = ['cfg_y1', 'cfg_mnas025'];
const WHERE_FAST = ['cfg_r50', 'cfg_m05', 'r18_u2_in2_se1', 'd121_GAP', 'vargfacenet_se'];
const fast = await setFastBackend();

function withDeterministicValues(name: string): Backbone {
  const reference = oracleNetwork(name);
  return backboneFromSource(networkGraph(configurationOf(reference)), (parameter) =>
    parameterValues(parameter, reference.weight_gain),
  );
}

/** Largest deviation, relative to the largest value. */
function deviation(actual: ArrayLike<number>, expected: readonly number[]): number {
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!))) / largest;
}

describe.skipIf(oracleIsAbsent)('embeddings under the deterministic weights (needs ../shared)', () => {
  const names = [...ANYWHERE, ...(fast ? WHERE_FAST : [])];

  it.each(names)('%s embeds as the reference does', async (name) => {
    const backbone = withDeterministicValues(name);
    const images = tf.tensor4d(deterministicImages(2), [2, 112, 112, 3], 'int32');
    const embeddings = backbone.apply(images);
    const values = await embeddings.data();
    const { fc1 } = oracleNetwork(name);
    expect(embeddings.shape).toEqual([2, fc1[0]!.length]);
    const d = deviation(values, fc1.flat());
    expect(d).toBeLessThan(1e-4);
    tf.dispose([images, embeddings]);
    backbone.dispose();
  });
});
