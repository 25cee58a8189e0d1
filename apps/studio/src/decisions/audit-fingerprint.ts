/** Tells audits apart, so that decisions are taken up with the audit that they were made on. */
import { type AuditColumns, keyAt } from '@arcface/cleaner';

/** The same for the same labels, angles and keys at the ends. No secret, and no proof: FNV-1a in two halves. */
export function auditFingerprint({ images, labels, cosine, keys }: AuditColumns): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  const add = (bytes: Uint8Array): void => {
    for (let i = 0; i < bytes.length; i++) {
      a = Math.imul(a ^ bytes[i]!, 0x01000193);
      b = Math.imul(b ^ bytes[i]!, 0x85ebca6b);
    }
  };
  add(bytesOf(labels));
  add(bytesOf(cosine));
  add(new TextEncoder().encode(`${keyAt(keys, 0)}\n${keyAt(keys, images - 1)}`));
  const hexadecimal = (half: number): string => (half >>> 0).toString(16).padStart(8, '0');
  return `${images}-${hexadecimal(a)}${hexadecimal(b)}`;
}

function bytesOf({ buffer, byteOffset, byteLength }: Int32Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
