/** Embeddings that were saved before, by `arcface embed` or NumPy: a `.npy` of float32, C order, a row an image in data order. */

export interface SavedEmbeddings {
  readonly embeddings: Float32Array;
  readonly rows: number;
  readonly dimensions: number;
}

/** @throws {Error} saying what was expected and found */
export async function readNpy(file: Blob): Promise<SavedEmbeddings> {
  const head = new Uint8Array(await file.slice(0, 1 << 16).arrayBuffer());
  const view = new DataView(head.buffer);
  if (head.length < 12 || new TextDecoder('latin1').decode(head.subarray(1, 6)) !== 'NUMPY') {
    throw new Error('it is no .npy file');
  }
  const [preamble, length] = head[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const text = new TextDecoder('latin1').decode(head.subarray(preamble, preamble + length));
  if (!/'descr':\s*'<f4'/.test(text) || !/'fortran_order':\s*False/.test(text)) {
    throw new Error(`expected float32 in C order, found ${text.trim()}`);
  }
  const shape = /'shape':\s*\((\d+),\s*(\d+)\s*\)/.exec(text);
  if (shape === null) throw new Error(`expected a matrix [images, dimensions], found ${text.trim()}`);
  const [rows, dimensions] = [Number(shape[1]), Number(shape[2])];
  const bytes = rows * dimensions * 4;
  const start = preamble + length;
  if (file.size !== start + bytes) {
    throw new Error(`[${rows}, ${dimensions}] takes ${start + bytes} bytes, the file has ${file.size}`);
  }
  return { embeddings: new Float32Array(await file.slice(start).arrayBuffer()), rows, dimensions };
}
