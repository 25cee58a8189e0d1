// The compiled graphs that are kept: found by the hash of a signature, compared in full, least recently used first to
// go. Each holds native memory, so leaving the cache means being disposed.

import { sameSignature } from '../trace/signature.ts';
import type { CompiledSession } from './compiled-session.ts';
import type { HoistedSession } from './hoisted-session.ts';

/** A compiled graph, in one part or two. */
export type GraphSession = CompiledSession | HoistedSession;

export class SessionCache {
  readonly #sessions = new Map<string, GraphSession>();
  readonly #limits: { readonly entries: number; readonly bytes: number };
  #bytes = 0;

  constructor(limits: { entries: number; bytes: number }) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Estimated bytes of the activations of all sessions held. */
  get bytes(): number {
    return this.#bytes;
  }

  find(hash: string, signature: Int32Array): GraphSession | undefined {
    const session = this.#sessions.get(hash);
    if (!session || !sameSignature(session.signature, signature)) return undefined;
    this.#sessions.delete(hash);
    this.#sessions.set(hash, session);
    return session;
  }

  /** Adds a session; one that had the hash before is disposed of. */
  add(hash: string, session: GraphSession): void {
    const collision = this.#sessions.get(hash);
    if (collision) this.#remove(hash, collision);
    this.#sessions.set(hash, session);
    this.#bytes += session.estimatedBytes;
    for (const [oldestHash, oldest] of this.#sessions) {
      if (this.#sessions.size <= this.#limits.entries && this.#bytes <= this.#limits.bytes) break;
      if (oldest === session) break;
      this.#remove(oldestHash, oldest);
    }
  }

  clear(): void {
    for (const [hash, session] of this.#sessions) this.#remove(hash, session);
  }

  #remove(hash: string, session: GraphSession): void {
    this.#sessions.delete(hash);
    this.#bytes -= session.estimatedBytes;
    session.dispose();
  }
}
