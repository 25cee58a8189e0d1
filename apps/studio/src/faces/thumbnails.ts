/**
 * Thumbnails by row: the ones that were seen last are kept, the ones that are on the screen now are read first, and what was scrolled
 * past before its turn came is not read at all.
 */
import { type AuditColumns, keyAt } from '@arcface/cleaner';
import { signal } from '@preact/signals';
import type { FaceSource } from './face-source.ts';
import type { ThumbnailReply, ThumbnailRequest } from './thumbnail.worker.ts';
import { FACE_SIDE } from './tile-painter.ts';

/** A decoded image, or that there is none to be had. */
export type Thumbnail = ImageBitmap | 'unreadable';

/** About 32 kB each, or 130 kB on a display with two device pixels a point. */
const KEPT = 1200;
const MOST_SCALE = 2;
const WORKERS = 2;
/** Requests that a worker works on at a time: reading and decoding overlap. */
const AT_ONCE = 6;

export class Thumbnails {
  /** Pixels. */
  readonly side: number;
  readonly #columns: AuditColumns;
  readonly #fault = signal<string>();
  readonly #workers: { readonly worker: Worker; busy: number }[] = [];
  /** Oldest first. */
  readonly #kept = new Map<number, Thumbnail>();
  readonly #waiting = new Map<number, Set<(thumbnail: Thumbnail) => void>>();
  readonly #inWork = new Set<number>();

  constructor(columns: AuditColumns, source: FaceSource, { masked }: { readonly masked: boolean }) {
    const side = Math.ceil(FACE_SIDE * Math.min(MOST_SCALE, devicePixelRatio));
    this.side = side;
    this.#columns = columns;
    for (let i = 0; i < WORKERS; i++) {
      const worker = new Worker(new URL('./thumbnail.worker.ts', import.meta.url), { type: 'module' });
      const slot = { worker, busy: 0 };
      worker.onmessage = ({ data }: MessageEvent<ThumbnailReply>) => {
        if (data.kind === 'fault') {
          this.#fault.value = data.message;
          return;
        }
        slot.busy--;
        this.#deliver(data.id, data.bitmap ?? 'unreadable');
        this.#work();
      };
      worker.postMessage({ kind: 'open', source, side, masked } satisfies ThumbnailRequest);
      this.#workers.push(slot);
    }
  }

  /** Why no image can be read at all, such as a damaged index; undefined as long as some can. */
  get fault(): string | undefined {
    return this.#fault.value;
  }

  /** The thumbnail of a row, if it is at hand. */
  peek(row: number): Thumbnail | undefined {
    const thumbnail = this.#kept.get(row);
    if (thumbnail !== undefined) {
      this.#kept.delete(row);
      this.#kept.set(row, thumbnail);
    }
    return thumbnail;
  }

  /**
   * Asks for a thumbnail.
   *
   * @returns Call it when nobody looks at that place any more.
   */
  request(row: number, deliver: (thumbnail: Thumbnail) => void): () => void {
    const listeners = this.#waiting.get(row) ?? new Set();
    listeners.add(deliver);
    this.#waiting.set(row, listeners);
    this.#work();
    return () => {
      listeners.delete(deliver);
      if (listeners.size === 0 && this.#waiting.get(row) === listeners) this.#waiting.delete(row);
    };
  }

  close(): void {
    for (const { worker } of this.#workers) worker.terminate();
    for (const thumbnail of this.#kept.values()) if (thumbnail !== 'unreadable') thumbnail.close();
    this.#kept.clear();
    this.#waiting.clear();
  }

  #work(): void {
    for (const slot of this.#workers) {
      while (slot.busy < AT_ONCE) {
        const row = this.#newest();
        if (row === undefined) return;
        slot.busy++;
        this.#inWork.add(row);
        slot.worker.postMessage({
          kind: 'decode',
          id: row,
          key: keyAt(this.#columns.keys, row),
        } satisfies ThumbnailRequest);
      }
    }
  }

  #newest(): number | undefined {
    let newest: number | undefined;
    for (const row of this.#waiting.keys()) if (!this.#inWork.has(row)) newest = row;
    return newest;
  }

  #deliver(row: number, thumbnail: Thumbnail): void {
    this.#inWork.delete(row);
    this.#kept.set(row, thumbnail);
    for (const deliver of this.#waiting.get(row) ?? []) deliver(thumbnail);
    this.#waiting.delete(row);
    for (const [oldest, old] of this.#kept) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
      if (old !== 'unreadable') old.close();
    }
  }
}
