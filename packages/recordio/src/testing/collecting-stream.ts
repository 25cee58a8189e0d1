/** A `WritableStream` that keeps what is written. */
export function collectingStream(): { stream: WritableStream<Uint8Array>; bytes: () => Uint8Array } {
  const chunks: Uint8Array[] = [];
  const stream = new WritableStream<Uint8Array>({
    write(chunk) {
      chunks.push(chunk.slice());
    },
  });
  return { stream, bytes: () => new Uint8Array(Buffer.concat(chunks)) };
}
