/** How TensorFlow's operations are told of a window's padding: by name, or by explicit numbers of rows and columns. */
import type { backend_util } from '@tensorflow/tfjs-core';
import { attributesFor, type OperationAttribute, type TensorFlowBackend } from './tensorflow-backend.ts';

export function paddingAttributes(
  { padInfo, dataFormat }: backend_util.Conv2DInfo,
  backend: TensorFlowBackend,
): OperationAttribute[] {
  const { ints, string } = attributesFor(backend);
  if (padInfo.type === 'SAME' || padInfo.type === 'VALID') return [string('padding', padInfo.type)];
  const sides = [padInfo.top, padInfo.bottom, padInfo.left, padInfo.right];
  return [
    string('padding', 'EXPLICIT'),
    ints(
      'explicit_paddings',
      dataFormat === 'channelsLast' ? [0, 0, ...sides, 0, 0] : [0, 0, 0, 0, ...sides],
    ),
  ];
}
