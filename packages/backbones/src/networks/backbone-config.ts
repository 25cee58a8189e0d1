/** What a user may choose about a network. */
import type { Activation } from '../graph/graph-builder.ts';
import type { OutputHead } from './output-heads.ts';
import type { ResidualUnitVersion } from './residual-units.ts';

/** A preset and what to change about it. */
export interface BackboneConfig {
  /** Name of the preset; see `listNetworks`. */
  readonly network: string;
  /** Length of the embeddings. Default: the preset's. */
  readonly embeddingSize?: number | undefined;
  /** Side of the square images, or height and width. Default 112. */
  readonly inputSize?: number | readonly [number, number] | undefined;
  /**
   * Factor on the number of channels inside, in steps of 16 channels (VarGFaceNet: 8; MobileNet and MnasNet: rounded
   * down, as the reference does). Default 1, or the preset's. DenseNets have none.
   */
  readonly width?: number | undefined;
  /** Default `prelu`. DenseNets and MnasNets have no other. */
  readonly activation?: Activation | undefined;
  /** The reference's letters for output heads. Default: the preset's. */
  readonly output?: OutputHead | undefined;
  /** Share dropped ahead of the last layer by the heads that drop (E, F, Z). Default 0.4, as the reference's. */
  readonly dropout?: number | undefined;
  /** DenseNets: share dropped behind each layer, the reference's `densenet_dropout`. Default 0. */
  readonly layerDropout?: number | undefined;
  /** What the running averages keep of themselves at each step of training, the reference's `bn_mom`. Default 0.9. */
  readonly batchNormMomentum?: number | undefined;
  /** Units, bottlenecks or layers of each stage. Default: the preset's. MobileNets and MnasNets have no choice. */
  readonly blocks?: readonly number[] | undefined;
  /** Stride of a 3x3 stem. ResNets and MobileNets: default 1; MobileFaceNets: 2. Others have no choice. */
  readonly stemStride?: number | undefined;
  /** ResNets: channels of the stem and of each stage; DenseNets: of the stem. Default: the preset's. */
  readonly filters?: readonly number[] | undefined;
  /** ResNets: version of the residual unit. Default 3, except in presets that end in v1. */
  readonly unit?: ResidualUnitVersion | undefined;
  /** ResNets: how images come in, the reference's `net_input`. Default 1. */
  readonly stem?: 0 | 1 | 2 | undefined;
  /** ResNets and VarGFaceNet: squeeze-and-excitation in every unit. Default false. */
  readonly squeezeExcitation?: boolean | undefined;
}
