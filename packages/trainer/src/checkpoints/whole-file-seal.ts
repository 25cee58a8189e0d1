/**
 * The seal of checkpoints of version 1: SHA-256 digests, as hexadecimal text in the file's own metadata, of its tensors (`sha256`)
 * and of its header with that digest in place (`headerSha256`, computed while its own digits are zeros). Such files are read, and no
 * longer written.
 */
import { sha256 } from './sha256.ts';

const NO_DIGEST = '0'.repeat(64);

/** Whether a file's metadata has such a seal. */
export function hasWholeFileSeal(metadata: Readonly<Record<string, string>>): boolean {
  return metadata.headerSha256 !== undefined;
}

/** Which part of a file is not what was sealed; undefined if all is well. */
export async function brokenWholeFileSeal(
  bytes: Uint8Array,
  metadata: Readonly<Record<string, string>>,
): Promise<'tensors' | 'header' | undefined> {
  const { header, data } = sections(bytes);
  if (hexadecimal(await sha256(data)) !== metadata.sha256) return 'tensors';
  const original = new Uint8Array(header);
  clearDigest(original, 'headerSha256');
  return hexadecimal(await sha256(original)) === metadata.headerSha256 ? undefined : 'header';
}

/** The header (JSON) and the tensors' bytes of a safetensors file, as views. */
function sections(bytes: Uint8Array): { header: Uint8Array; data: Uint8Array } {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  return { header: bytes.subarray(8, 8 + length), data: bytes.subarray(8 + length) };
}

/** Writes zeros over a digest that stands in a header's metadata. */
function clearDigest(header: Uint8Array, field: string): void {
  // One character a byte, so that a place in the text is a place in the bytes.
  const text = new TextDecoder('latin1').decode(header);
  const label = `"${field}":"`;
  const at = text.indexOf(label) + label.length;
  // A header written by another program may be spaced differently; its digest then does not match, as it should.
  if (at < label.length) return;
  for (let i = 0; i < NO_DIGEST.length; i++) header[at + i] = NO_DIGEST.charCodeAt(i);
}

function hexadecimal(digest: Uint8Array): string {
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
