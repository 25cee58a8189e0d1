/**
 * Where exported files go: into a folder that the user picks, where the browser can write to one, or as downloads. Neither needs the
 * memory that the dataset takes.
 */

import { IDENTITY_NAMES_FILE } from '@arcface/recordio';

export interface OutputFiles {
  /** Opens a file for writing. */
  create(name: string): Promise<WritableStream<Uint8Array>>;
  /** Called once, when everything has been written. */
  finish(): Promise<void>;
  /** Called instead when it was not: nothing is left behind. */
  discard(): Promise<void>;
}

/** Everything that an export may write. */
const OUTPUT_NAMES = ['train.rec', 'train.idx', 'property', IDENTITY_NAMES_FILE];

interface FolderPicker {
  showDirectoryPicker?(options: { mode: 'readwrite'; id: string }): Promise<FileSystemDirectoryHandle>;
}

export function canWriteFolders(): boolean {
  return 'showDirectoryPicker' in globalThis;
}

/**
 * Asks for a folder. The browser swaps a file's content in when it is complete; until then it stands there empty.
 *
 * @throws {Error} when the folder holds a dataset already: it may be the very one that is read from
 */
export async function pickFolder(): Promise<OutputFiles> {
  const folder = await (globalThis as FolderPicker).showDirectoryPicker!({
    mode: 'readwrite',
    id: 'arcface-export',
  });
  for (const name of OUTPUT_NAMES) {
    if (!(await holds(folder, name))) continue;
    throw new Error(
      `${folder.name} already holds a ${name}: choose another folder, nothing is written over.`,
    );
  }
  const created = new Map<string, FileSystemWritableFileStream>();
  return {
    async create(name) {
      const file = await folder.getFileHandle(name, { create: true });
      const stream = await file.createWritable();
      created.set(name, stream);
      return stream as unknown as WritableStream<Uint8Array>;
    },
    finish: () => Promise.resolve(),
    async discard() {
      for (const [name, stream] of created) {
        // One that is closed or aborted already is no trouble.
        await stream.abort().catch(() => {});
        await folder.removeEntry(name).catch(() => {});
      }
    },
  };
}

async function holds(folder: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  try {
    await folder.getFileHandle(name);
    return true;
  } catch (error) {
    // A folder of that name is in the way as much as a file.
    return (error as Error).name !== 'NotFoundError';
  }
}

/** Pieces of this size become a Blob, which the browser keeps on the disk. */
const PIECE = 8 << 20;

/** Collects the files and downloads them at the end. */
export function downloads(): OutputFiles {
  const files = new Map<string, Blob[]>();
  return {
    async create(name) {
      const blobs: Blob[] = [];
      files.set(name, blobs);
      let pending: Uint8Array<ArrayBuffer>[] = [];
      let bytes = 0;
      const flush = (): void => {
        blobs.push(new Blob(pending));
        pending = [];
        bytes = 0;
      };
      return new WritableStream<Uint8Array>({
        write(chunk) {
          // The writer may use its memory again.
          pending.push(chunk.slice());
          bytes += chunk.byteLength;
          if (bytes >= PIECE) flush();
        },
        close: flush,
      });
    },
    async finish() {
      // Without a type the browser would look into the files, and add endings to their names.
      for (const [name, blobs] of files) {
        download(name, new Blob(blobs, { type: 'application/octet-stream' }));
      }
    },
    discard: () => {
      files.clear();
      return Promise.resolve();
    },
  };
}

export function download(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has taken hold of the blob long before.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
