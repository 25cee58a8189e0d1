// Every kernel that this backend has, family by family.

import { batchNormKernels } from './batch-norm.ts';
import { binaryKernels } from './binary.ts';
import { convolutionKernels } from './convolution.ts';
import { creationKernels } from './creation.ts';
import { indexingKernels } from './indexing.ts';
import type { KernelRow } from './kernel-row.ts';
import { matmulKernels } from './matmul.ts';
import { reductionKernels } from './reduction.ts';
import { shapeKernels } from './shape.ts';
import { unaryKernels } from './unary.ts';

export const kernelTable: readonly KernelRow[] = [
  ...unaryKernels,
  ...binaryKernels,
  ...reductionKernels,
  ...matmulKernels,
  ...convolutionKernels,
  ...batchNormKernels,
  ...shapeKernels,
  ...indexingKernels,
  ...creationKernels,
];
