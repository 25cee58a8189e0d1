// Every kernel that this backend has, family by family.

import { batchNormKernels } from './batch-norm.ts';
import { binaryKernels } from './binary.ts';
import { convolutionKernels } from './convolution.ts';
import { creationKernels } from './creation.ts';
import { delegatedKernels, refusedKernels } from './delegated.ts';
import { fusedKernels } from './fused.ts';
import { indexingKernels } from './indexing.ts';
import type { KernelRow } from './kernel-row.ts';
import { matmulKernels } from './matmul.ts';
import { poolingKernels } from './pooling.ts';
import { reductionKernels } from './reduction.ts';
import { shapeKernels } from './shape.ts';
import { unaryKernels } from './unary.ts';

/** Kernels that become nodes of the graph. */
export const tracedKernels: readonly KernelRow[] = [
  ...unaryKernels,
  ...binaryKernels,
  ...reductionKernels,
  ...matmulKernels,
  ...convolutionKernels,
  ...poolingKernels,
  ...fusedKernels,
  ...batchNormKernels,
  ...shapeKernels,
  ...indexingKernels,
  ...creationKernels,
];

export const kernelTable: readonly KernelRow[] = [...tracedKernels, ...delegatedKernels, ...refusedKernels];
