/** One rank's bytes or values for all ranks. */
import type { Communicator } from '@arcface/subcenter-loss';

/** Who reads, decides and writes. */
export const ROOT = 0;

/** Bytes that are sent at once. */
const PIECE = 1 << 24;

/** @param bytes what the root has; what others give is not looked at */
export function bytesOfRoot(communicator: Communicator, bytes: Uint8Array | undefined): Uint8Array {
  const isRoot = communicator.rank === ROOT;
  // In two parts: a length may have more than 31 bits.
  const length = Int32Array.of(Math.floor((bytes?.length ?? 0) / PIECE), (bytes?.length ?? 0) % PIECE);
  communicator.broadcast(length, ROOT);
  const whole = isRoot ? bytes! : new Uint8Array(length[0]! * PIECE + length[1]!);
  for (let begin = 0; begin < whole.length; begin += PIECE) {
    const part = whole.subarray(begin, begin + PIECE);
    const integers = new Int32Array(Math.ceil(part.length / 4));
    const view = new Uint8Array(integers.buffer);
    if (isRoot) view.set(part);
    communicator.broadcast(integers, ROOT);
    if (!isRoot) part.set(view.subarray(0, part.length));
  }
  return whole;
}

/** A value of JSON. @param value what the root has */
export function valueOfRoot<T>(communicator: Communicator, value: T | undefined): T {
  const own = communicator.rank === ROOT ? new TextEncoder().encode(JSON.stringify(value)) : undefined;
  return JSON.parse(new TextDecoder().decode(bytesOfRoot(communicator, own))) as T;
}

/** Whether anybody says so. */
export function anySays(communicator: Communicator, says: boolean): boolean {
  const flag = Int32Array.of(says ? 1 : 0);
  communicator.allReduce(flag, 'max');
  return flag[0] === 1;
}
