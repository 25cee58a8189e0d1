/** How TensorFlow's operations are told of a window's padding: by name, or by explicit numbers of rows and columns. */
import type { backend_util } from '@tensorflow/tfjs-core';
import { attributesFor, type OperationAttribute, type TensorFlowBackend } from './tensorflow-backend.ts';

export function paddingAttributes(
  geometry: backend_util.Conv2DInfo,
  backend: TensorFlowBackend,
): OperationAttribute[] {
  const { ints, string } = attributesFor(backend);
  const { padInfo, dataFormat } = geometry;
  const [bottom, right] = endOfWindows(geometry);
  const isNamed = padInfo.type === 'SAME' || padInfo.type === 'VALID';
  if (isNamed && bottom === padInfo.bottom && right === padInfo.right) {
    return [string('padding', padInfo.type)];
  }
  const sides = [padInfo.top, bottom, padInfo.left, right];
  return [
    string('padding', 'EXPLICIT'),
    ints(
      'explicit_paddings',
      dataFormat === 'channelsLast' ? [0, 0, ...sides, 0, 0] : [0, 0, 0, 0, ...sides],
    ),
  ];
}

/** The padding below and to the right: more than was asked for where the number of windows was rounded up. */
export function endOfWindows(geometry: backend_util.Conv2DInfo): [bottom: number, right: number] {
  const { padInfo, inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth } = geometry;
  const { effectiveFilterHeight, effectiveFilterWidth } = geometry;
  const lastRow = (outHeight - 1) * strideHeight - padInfo.top + effectiveFilterHeight;
  const lastColumn = (outWidth - 1) * strideWidth - padInfo.left + effectiveFilterWidth;
  return [Math.max(padInfo.bottom, lastRow - inHeight), Math.max(padInfo.right, lastColumn - inWidth)];
}
