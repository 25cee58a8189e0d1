/** Why specs of tfjs-core fail on backends that are not this project's, for the summary below the table: the first cause that fits counts. */

export interface FailureCause {
  readonly cause: string;
  /** Of the spec's name and its complaint, `name: message`. */
  readonly fits: RegExp;
}

const common: readonly FailureCause[] = [
  {
    cause: 'kernels that the backend does not have',
    fits: /Kernel '\w+' not registered|^(sparse|ragged|stringNGrams)/i,
  },
];

const onTensorFlow: readonly FailureCause[] = [
  ...common,
  {
    cause: 'images channels first: TensorFlow convolves none on a CPU, and tfjs-node refuses them fused',
    fits: /NCHW/,
  },
  {
    cause: 'padding by numbers in averages and volumes, which TensorFlow does not have',
    fits: /while padding was/,
  },
  {
    cause: 'depthwise convolutions with a dilation, which TensorFlow does not have on a CPU',
    fits: /epth.*,d=|separable/,
  },
  { cause: 'dtypes that TensorFlow’s operation does not take', fits: /TF_Status: 3/ },
];

/** By the name that `arcface --backend` gives the backend. */
export const failureCauses: Readonly<Record<string, readonly FailureCause[]>> = {
  node: onTensorFlow,
  'node-gpu': onTensorFlow,
  webgpu: common,
};

const other = 'other numbers, or no complaint where one is expected';

/** How many failures each cause has, the most frequent first. */
export function countCauses(backend: string, failures: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const failure of failures) {
    const cause = failureCauses[backend]?.find(({ fits }) => fits.test(failure))?.cause ?? other;
    counts.set(cause, (counts.get(cause) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]));
}
