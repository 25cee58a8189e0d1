/** The reference's settings of a network, as a configuration of ours. */
import type { BackboneConfig } from '../networks/presets.ts';
import type { OracleNetwork } from './oracle.ts';

/** @returns undefined for families that have no preset here (yet): they are read from their symbols */
export function configurationOf({
  module,
  config,
  tiny,
  network,
}: OracleNetwork): BackboneConfig | undefined {
  const common = {
    embeddingSize: config.emb_size,
    activation: config.net_act,
    output: config.net_output,
  } as Pick<BackboneConfig, 'embeddingSize' | 'activation' | 'output'>;
  const residual = {
    unit: config.net_unit,
    stem: config.net_input,
    squeezeExcitation: config.net_se === 1,
  } as Pick<BackboneConfig, 'unit' | 'stem' | 'squeezeExcitation'>;
  if (tiny) {
    const { units: blocks, filters, emb: embeddingSize } = tiny;
    // The training networks were built without dropout, whose randomness could not be compared.
    return { network: 'r18', ...common, ...residual, embeddingSize, blocks, filters, dropout: 0 };
  }
  if (network === 'y1') {
    return { network };
  }
  switch (module) {
    case 'fresnet':
      return { network: `r${config.num_layers}`, ...common, ...residual };
    case 'fmobilefacenet':
      return { network: 'y1', ...common, blocks: config.net_blocks };
    case 'fmobilenet':
      return { network: 'm1', ...common, width: config.net_multiplier };
    default:
      return undefined;
  }
}
