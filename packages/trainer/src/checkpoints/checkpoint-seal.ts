/**
 * The seal of a checkpoint's file: SHA-256 digests, as hexadecimal text in the file's own metadata, of its tensors
 * (`sha256`) and of its header with that digest in place (`headerSha256`, computed while its own digits are zeros).
 * Together they cover every byte but the header's length, without which the header cannot be read anyway.
 */

const NO_DIGEST = '0'.repeat(64);

/** Metadata that keeps the places for the digests free. */
export const UNSEALED = { sha256: NO_DIGEST, headerSha256: NO_DIGEST } as const;

/** Writes the digests into the bytes of a safetensors file whose metadata has {@link UNSEALED} in it. */
export async function seal(bytes: Uint8Array): Promise<void> {
  const { header, data } = sections(bytes);
  putDigest(header, 'sha256', await sha256(data));
  putDigest(header, 'headerSha256', await sha256(header));
}

/** Which part of a file is not what was sealed; undefined if all is well. */
export async function brokenSeal(
  bytes: Uint8Array,
  metadata: Readonly<Record<string, string>>,
): Promise<'tensors' | 'header' | undefined> {
  const { header, data } = sections(bytes);
  if ((await sha256(data)) !== metadata.sha256) return 'tensors';
  const original = new Uint8Array(header);
  putDigest(original, 'headerSha256', NO_DIGEST);
  return (await sha256(original)) === metadata.headerSha256 ? undefined : 'header';
}

/** The header (JSON) and the tensors' bytes of a safetensors file, as views. */
function sections(bytes: Uint8Array): { header: Uint8Array; data: Uint8Array } {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  return { header: bytes.subarray(8, 8 + length), data: bytes.subarray(8 + length) };
}

/** Writes a digest over the one that stands in a header's metadata. */
function putDigest(header: Uint8Array, field: string, digest: string): void {
  // One character a byte, so that a place in the text is a place in the bytes.
  const text = new TextDecoder('latin1').decode(header);
  const label = `"${field}":"`;
  const at = text.indexOf(label) + label.length;
  // A header written by another program may be spaced differently; its digest then does not match, as it should.
  if (at < label.length) return;
  for (let i = 0; i < digest.length; i++) header[at + i] = digest.charCodeAt(i);
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await globalThis.crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
