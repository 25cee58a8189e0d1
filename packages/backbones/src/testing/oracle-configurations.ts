/** The reference's settings of a network, as a configuration of ours. */
import type { BackboneConfig } from '../networks/backbone-config.ts';
import type { OracleNetwork } from './oracle.ts';

export function configurationOf({ module, config, tiny, network }: OracleNetwork): BackboneConfig {
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
    case 'fmnasnet': {
      const { activation: _, ...others } = common;
      return { network: 'mnas', ...others, width: config.net_multiplier };
    }
    case 'fdensenet': {
      const { activation: _, ...others } = common;
      return { network: `d${config.num_layers}`, ...others };
    }
    case 'vargfacenet':
      return {
        network: 'vargfacenet',
        ...common,
        width: config.net_multiplier,
        squeezeExcitation: config.net_se === 1,
      };
    default:
      throw new Error(`there is no preset for the reference's ${module}`);
  }
}
