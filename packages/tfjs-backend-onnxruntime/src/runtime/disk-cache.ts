// Compiled graphs kept between processes. Most of a compilation is ONNX Runtime's optimisation of the graph, so what is kept
// is the model after it: a later process loads it as it is, and neither lowers nor optimises. An entry is one file, named
// by the digest of everything that its content depends on and carrying a digest of that content; one that is damaged
// is as good as none. Nothing here may fail a run: a folder that cannot be written is a cache that holds nothing.

import { createHash, randomUUID } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CompiledModel } from '../lowering/compile.ts';
import { inCreationOrder } from '../onnx/creation-order.ts';
import { runtimeVersion } from './native-binding.ts';

/** Graphs of fewer ONNX operators compile faster than a file is worth. */
const nodesWorthKeeping = 300;

const extension = '.graph';
const digestBytes = 32;

function sha256(...parts: readonly (Uint8Array | string)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

let codeDigest: Buffer | null = null;

/** A digest of this package's own code: another lowering makes another graph of the same trace. */
function digestOfCode(): Buffer {
  if (codeDigest) return codeDigest;
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /(?<!\.test|\.d)\.[jt]s$/.test(name),
  );
  codeDigest = sha256(...files.sort().flatMap((name) => [name, readFileSync(join(root, name))]));
  return codeDigest;
}

/** What the model of a graph depends on, beside the machine and this package. */
export interface GraphIdentity {
  readonly signature: Int32Array;
  /** The options that it is compiled under. */
  readonly circumstances: readonly (string | number)[];
}

export interface DiskCacheLimits {
  /** The folder; made when the first graph is kept. */
  readonly directory: string;
  /** Bytes of all graphs in it; the least recently used go first. */
  readonly bytes: number;
}

export class DiskCache {
  readonly #limits: DiskCacheLimits;

  constructor(limits: DiskCacheLimits) {
    this.#limits = limits;
  }

  /** The optimised model of a graph; null when there is none or it is damaged. */
  find(graph: GraphIdentity): CompiledModel | null {
    try {
      const path = this.#path(graph);
      const file = readFileSync(path);
      const content = file.subarray(digestBytes);
      if (!sha256(content).equals(file.subarray(0, digestBytes))) {
        remove(path);
        return null;
      }
      const headerEnd = content.indexOf(0);
      const names = JSON.parse(content.toString('utf8', 0, headerEnd)) as Omit<CompiledModel, 'bytes'>;
      markUsed(path);
      // Copied, so that the model starts a buffer of its own, as the runtime wants it.
      return { ...names, bytes: Uint8Array.from(content.subarray(headerEnd + 1)) };
    } catch {
      return null;
    }
  }

  /**
   * Compiles `model`, the model of `graph`, and keeps what comes of its optimisation.
   *
   * @param compile writes the optimised model to a path, if it is given one. Where that fails it is called again without.
   */
  compileAndKeep<T>(graph: GraphIdentity, model: CompiledModel, compile: (writeTo: string | null) => T): T {
    const part = this.#partFor(model);
    if (part === null) return compile(null);
    let compiled: T;
    try {
      compiled = compile(part);
    } catch {
      // A folder that may only be read, a full disk; or the model, and then it is told now.
      remove(part);
      return compile(null);
    }
    this.#keep(graph, model, part);
    return compiled;
  }

  /** Removes an entry that cannot be used. */
  discard(graph: GraphIdentity): void {
    remove(this.#path(graph));
  }

  /** A path for ONNX Runtime to write the optimised model to, or null where the model is not worth keeping. */
  #partFor(model: CompiledModel): string | null {
    if (model.nodes < nodesWorthKeeping) return null;
    try {
      mkdirSync(this.#limits.directory, { recursive: true });
      return join(this.#limits.directory, `${randomUUID()}.part`);
    } catch {
      return null;
    }
  }

  /** Takes the model that the runtime has written to `part` into the cache. */
  #keep(graph: GraphIdentity, model: CompiledModel, part: string): void {
    const whole = `${part}.whole`;
    try {
      const { bytes: _, ...names } = model;
      const optimised = inCreationOrder(readFileSync(part));
      const content = Buffer.concat([Buffer.from(`${JSON.stringify(names)}\0`), optimised]);
      writeFileSync(whole, Buffer.concat([sha256(content), content]));
      renameSync(whole, this.#path(graph));
      this.#trim();
    } catch {
      remove(whole);
    } finally {
      remove(part);
    }
  }

  #path({ signature, circumstances }: GraphIdentity): string {
    const words = new Uint8Array(signature.buffer, signature.byteOffset, signature.byteLength);
    const machine = [platform(), arch(), cpus()[0]?.model ?? '', runtimeVersion()];
    const digest = sha256(JSON.stringify([...machine, ...circumstances]), digestOfCode(), words);
    return join(this.#limits.directory, `${digest.toString('hex')}${extension}`);
  }

  /** Removes what is beyond the limit, and what processes that were killed left half-written. */
  #trim(): void {
    const { directory, bytes } = this.#limits;
    const hourAgo = Date.now() - 3_600_000;
    const files = readdirSync(directory).flatMap((name) => {
      const path = join(directory, name);
      const stats = statSync(path, { throwIfNoEntry: false });
      return stats ? [{ path, size: stats.size, used: stats.mtimeMs }] : [];
    });
    let total = 0;
    for (const { path, size, used } of files.sort((a, b) => b.used - a.used)) {
      if (!path.endsWith(extension)) {
        if (used < hourAgo && /\.part(\.whole)?$/.test(path)) remove(path);
        continue;
      }
      total += size;
      if (total > bytes) remove(path);
    }
  }
}

/** Removes a file, if it is there and may be removed: one of somebody else may not, or on a file system that is read only. */
function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It stays.
  }
}

/** Tells that an entry is still of use, if that can be told. */
function markUsed(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // It may only be read.
  }
}
