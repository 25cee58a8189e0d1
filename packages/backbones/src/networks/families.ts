/** The families of networks: how each makes a graph of a configuration, and which choices it doesn't have. */
import type { NetworkGraph } from '../graph/network-graph.ts';
import type { BackboneConfig } from './backbone-config.ts';
import { denseNet } from './densenet.ts';
import { iresNet, iresNetBlocks } from './iresnet.ts';
import { mnasNet } from './mnasnet.ts';
import { mobileFaceNet } from './mobilefacenet.ts';
import { mobileNet } from './mobilenet.ts';
import type { CommonSettings } from './network-settings.ts';
import { resNet, resNetBlocks } from './resnet.ts';
import { torchMobileFaceNet } from './torch-mobilefacenet.ts';
import { varGFaceNet } from './vargfacenet.ts';

export interface Family {
  /** Settings that would be passed over, and are refused instead. */
  readonly without: readonly (keyof BackboneConfig)[];
  graph(common: CommonSettings, config: Omit<BackboneConfig, 'network'>): NetworkGraph;
}

const ONLY_RESNETS = ['filters', 'unit', 'stem', 'squeezeExcitation', 'layerDropout'] as const;
const RESNET_FILTERS = [64, 64, 128, 256, 512];

export const families = {
  mobileFaceNet: {
    without: ONLY_RESNETS,
    graph: (common, { blocks = [1, 4, 6, 2], stemStride = 2 }) =>
      mobileFaceNet({ ...common, blocks, stemStride }),
  },
  resNet: {
    without: ['layerDropout'],
    graph: (common, config) =>
      resNet({
        ...common,
        blocks: config.blocks ?? resNetBlocks(50),
        filters: config.filters ?? RESNET_FILTERS,
        unit: config.unit ?? 3,
        stem: config.stem ?? 1,
        stemStride: config.stemStride ?? 1,
        squeezeExcitation: config.squeezeExcitation ?? false,
      }),
  },
  mobileNet: {
    without: [...ONLY_RESNETS, 'blocks'],
    graph: (common, { stemStride = 1 }) => mobileNet({ ...common, stemStride }),
  },
  mnasNet: {
    without: [...ONLY_RESNETS, 'blocks', 'stemStride', 'activation'],
    graph: (common) => mnasNet(common),
  },
  denseNet: {
    without: ['unit', 'stem', 'squeezeExcitation', 'stemStride', 'activation', 'width'],
    graph: (common, { blocks = [6, 12, 32, 32], filters = [64], layerDropout = 0 }) =>
      denseNet({ ...common, blocks, stemFilters: filters[0] ?? 64, layerDropout }),
  },
  varGFaceNet: {
    without: ['filters', 'unit', 'stem', 'stemStride', 'layerDropout'],
    graph: (common, { blocks = [3, 7, 4], squeezeExcitation = false }) =>
      varGFaceNet({ ...common, blocks, squeezeExcitation }),
  },
  iresNet: {
    without: ['activation', 'output', 'unit', 'stem', 'stemStride', 'squeezeExcitation', 'layerDropout'],
    graph: (common, { blocks = iresNetBlocks[50], filters = RESNET_FILTERS }) =>
      iresNet({ ...common, blocks, filters }),
  },
  torchMobileFaceNet: {
    without: [...ONLY_RESNETS, 'activation', 'output', 'stemStride', 'dropout'],
    graph: (common, { blocks = [1, 4, 6, 2] }) => torchMobileFaceNet({ ...common, blocks }),
  },
} as const satisfies Record<string, Family>;
