/** The memory of columns, so that a worker can hand them over without a copy. */
import type { AuditColumns } from '@arcface/cleaner';

export function columnBuffers(columns: AuditColumns): ArrayBuffer[] {
  const arrays = [
    ...Object.values(columns),
    ...Object.values(columns.keys),
    ...columns.identities.map(({ images }) => images),
  ];
  return arrays.filter((value) => ArrayBuffer.isView(value)).map(({ buffer }) => buffer as ArrayBuffer);
}
