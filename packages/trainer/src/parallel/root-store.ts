/**
 * The checkpoints of a run of several processes: the root has them, all can read them, and only what the root writes is written.
 * So no other needs to reach the folder, and what one does with what is there, all do.
 */
import type { Communicator } from '@arcface/subcenter-loss';
import { type CheckpointStore, openBlob, writeBlob } from '../checkpoints/checkpoint-store.ts';
import { anySays, bytesOfRoot, ROOT, valueOfRoot } from './shared-values.ts';

/** @returns undefined on all ranks where the root has none */
export function rootStore(
  communicator: Communicator,
  store: CheckpointStore | undefined,
): CheckpointStore | undefined {
  const own = communicator.rank === ROOT ? store : undefined;
  if (!anySays(communicator, own !== undefined)) return undefined;
  return {
    list: async () => valueOfRoot(communicator, await own?.list()),
    read: async (name) => bytesOfRoot(communicator, await own?.read(name)),
    write: async (name, bytes) => own?.write(name, bytes),
    remove: async (name) => own?.remove(name),
    async open(name) {
      const blob = own && (await openBlob(own, name));
      return {
        byteLength: valueOfRoot(communicator, blob?.byteLength),
        read: async (start, end) => bytesOfRoot(communicator, await blob?.read(start, end)),
        close: async () => blob?.close(),
      };
    },
    async writePieces(name, blob) {
      if (own) return writeBlob(own, name, blob);
      // What the root writes is brought to it by all.
      for await (const _ of blob.pieces);
    },
  };
}
