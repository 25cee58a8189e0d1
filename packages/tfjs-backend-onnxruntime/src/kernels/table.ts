// Every kernel that this backend has, family by family.

import { batchNormKernels } from './batch-norm.ts';
import { binaryKernels } from './binary.ts';
import { convolutionKernels } from './convolution.ts';
import { creationKernels } from './creation.ts';
import { delegatedKernels, refusedKernels } from './delegated.ts';
import { einsumKernels } from './einsum.ts';
import { fusedKernels } from './fused.ts';
import { groupedConvolutionKernels } from './grouped-convolution.ts';
import { indexingKernels } from './indexing.ts';
import type { KernelRow } from './kernel-row.ts';
import { localResponseKernels } from './local-response.ts';
import { marginSoftmaxKernels } from './margin-softmax.ts';
import { matmulKernels } from './matmul.ts';
import { maxPoolGradientKernels } from './max-pool-gradient.ts';
import { momentumUpdateKernels } from './momentum-update.ts';
import { orderingKernels } from './ordering.ts';
import { poolingKernels } from './pooling.ts';
import { preluGradientKernels } from './prelu-gradient.ts';
import { reductionKernels } from './reduction.ts';
import { resizeKernels } from './resize.ts';
import { scatterKernels } from './scatter.ts';
import { shapeKernels } from './shape.ts';
import { spaceBatchKernels } from './space-batch.ts';
import { unaryKernels } from './unary.ts';
import { volumeKernels } from './volume.ts';

/** Kernels that become nodes of the graph. */
export const tracedKernels: readonly KernelRow[] = [
  ...unaryKernels,
  ...binaryKernels,
  ...reductionKernels,
  ...matmulKernels,
  ...einsumKernels,
  ...convolutionKernels,
  ...groupedConvolutionKernels,
  ...poolingKernels,
  ...maxPoolGradientKernels,
  ...volumeKernels,
  ...localResponseKernels,
  ...fusedKernels,
  ...batchNormKernels,
  ...momentumUpdateKernels,
  ...preluGradientKernels,
  ...marginSoftmaxKernels,
  ...shapeKernels,
  ...spaceBatchKernels,
  ...resizeKernels,
  ...indexingKernels,
  ...scatterKernels,
  ...orderingKernels,
  ...creationKernels,
];

export const kernelTable: readonly KernelRow[] = [...tracedKernels, ...delegatedKernels, ...refusedKernels];
