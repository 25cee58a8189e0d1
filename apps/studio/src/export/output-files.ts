/**
 * Where exported files go: into a folder that the user picks, where the browser can write to one, or as downloads. Neither needs the
 * memory that the dataset takes.
 */

export interface OutputFiles {
  /** Opens a file for writing. */
  create(name: string): Promise<WritableStream<Uint8Array>>;
  /** Called once, when everything has been written. */
  finish(): Promise<void>;
}

interface FolderPicker {
  showDirectoryPicker?(options: { mode: 'readwrite'; id: string }): Promise<FileSystemDirectoryHandle>;
}

export function canWriteFolders(): boolean {
  return 'showDirectoryPicker' in globalThis;
}

/** Asks for a folder. Files get their names when they are complete. */
export async function pickFolder(): Promise<OutputFiles> {
  const folder = await (globalThis as FolderPicker).showDirectoryPicker!({
    mode: 'readwrite',
    id: 'arcface-export',
  });
  return {
    async create(name) {
      const file = await folder.getFileHandle(name, { create: true });
      return (await file.createWritable()) as unknown as WritableStream<Uint8Array>;
    },
    finish: () => Promise.resolve(),
  };
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
