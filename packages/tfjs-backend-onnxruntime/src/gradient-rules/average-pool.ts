// The gradients of `AvgPool` and `AvgPool3D` where there is padding. An average leaves the padding out of its count; the gradient's
// kernels of tfjs do not, those of TensorFlow do. Without padding they all agree: so here windows are taken over an image that is
// padded already, and each average's gradient is made larger by what its window has more than it sees. The same on every backend.

import {
  backend_util,
  engine,
  type GradConfig,
  getGradient,
  mul,
  type NamedAttrMap,
  pad,
  registerGradient,
  slice,
  type Tensor,
  tensor,
} from '@tensorflow/tfjs-core';

/** The windows along one axis of an image or a volume. */
interface Windows {
  readonly input: number;
  readonly output: number;
  readonly size: number;
  readonly stride: number;
  /** Padding before the first element. */
  readonly begin: number;
}

type PoolAttributes = { filterSize: never; strides: never; pad: never; dimRoundingMode?: never };

function windowsOfImage({ shape }: Tensor, attributes: PoolAttributes): Windows[] {
  const { filterSize, strides, pad: padding, dimRoundingMode } = attributes;
  const image = shape as [number, number, number, number];
  const info = backend_util.computePool2DInfo(image, filterSize, strides, 1, padding, dimRoundingMode);
  return [windowsAlong('Height', info, info.padInfo.top), windowsAlong('Width', info, info.padInfo.left)];
}

function windowsOfVolume({ shape }: Tensor, attributes: PoolAttributes): Windows[] {
  const { filterSize, strides, pad: padding, dimRoundingMode } = attributes;
  const volume = shape as [number, number, number, number, number];
  const info = backend_util.computePool3DInfo(volume, filterSize, strides, 1, padding, dimRoundingMode);
  const depth = windowsAlong('Depth', info, info.padInfo.front);
  return [
    depth,
    windowsAlong('Height', info, info.padInfo.top),
    windowsAlong('Width', info, info.padInfo.left),
  ];
}

type Axis = 'Depth' | 'Height' | 'Width';

/** As tfjs tells of them: `inHeight`, `outHeight`, `filterHeight`, `strideHeight`, and so on. */
function windowsAlong<A extends Axis>(
  axis: A,
  info: Readonly<Record<`${'in' | 'out' | 'filter' | 'stride'}${A}`, number>>,
  begin: number,
): Windows {
  return {
    ...{ input: info[`in${axis}`], output: info[`out${axis}`], size: info[`filter${axis}`] },
    ...{ stride: info[`stride${axis}`], begin },
  };
}

/** How far the last window reaches beyond the last element; negative where it ends before it. */
function overhang({ input, output, size, stride, begin }: Windows): number {
  return (output - 1) * stride + size - begin - input;
}

/** How many elements of the input each window sees. */
function seen({ input, output, size, stride, begin }: Windows): number[] {
  return Array.from({ length: output }, (_, i) => {
    const first = i * stride - begin;
    return Math.max(0, Math.min(input, first + size) - Math.max(0, first));
  });
}

/** For each window, its elements by those of the input in it: a tensor [1, ...windows, 1]. */
function wholeBySeen(axes: readonly Windows[]): Tensor {
  const size = axes.reduce((product, axis) => product * axis.size, 1);
  const counts = axes.reduce<number[]>((all, axis) => all.flatMap((n) => seen(axis).map((m) => n * m)), [1]);
  const shape = [1, ...axes.map(({ output }) => output), 1];
  return tensor(
    counts.map((count) => size / Math.max(1, count)),
    shape,
  );
}

/** Replaces a rule by one that is the same where nothing is padded. */
function replace(kernelName: 'AvgPool' | 'AvgPool3D', windowsOf: typeof windowsOfImage): void {
  const usual = getGradient(kernelName);
  const rule: GradConfig = {
    ...usual,
    gradFunc(dy, saved, attributes) {
      const x = saved[0]!;
      const axes = windowsOf(x, attributes as unknown as PoolAttributes);
      const isPadded = axes.some((axis) => axis.begin > 0 || overhang(axis) > 0);
      // Over the padded image there have to be as many windows. (tfjs counts columns as it counts rows where padding is a number.)
      const isRegular = axes.every((axis) => axis.begin >= 0 && overhang(axis) > -axis.stride);
      if (!isPadded || !isRegular) return usual.gradFunc(dy, saved, attributes);
      const gradient = () => {
        const margins = axes.map((axis): [number, number] => [axis.begin, Math.max(0, overhang(axis))]);
        const whole = pad(x, [[0, 0], ...margins, [0, 0]]);
        const windows = {
          filterSize: axes.map(({ size }) => size),
          strides: axes.map(({ stride }) => stride),
          pad: 'valid',
        } as NamedAttrMap;
        const inputs = { dy: mul(dy as Tensor, wholeBySeen(axes)), input: whole };
        const spread = engine().runKernel(`${kernelName}Grad`, inputs, windows) as Tensor;
        return slice(spread, [0, ...axes.map(({ begin }) => begin), 0], x.shape);
      };
      return { x: gradient };
    },
  };
  registerGradient(rule);
}

/** Puts these rules in the place of tfjs-core's, which must be registered already. */
export function registerAveragePoolGradients(): void {
  replace('AvgPool', windowsOfImage);
  replace('AvgPool3D', windowsOfVolume);
}
