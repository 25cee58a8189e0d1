// A compiled inference whose work on the parameters is done once and not in every run: see onnx/hoisting.ts. It takes the same
// leaves as the session whose place it has, and prepares anew when parameters are other tensors than before.

import { type ElementType, type OnnxModel, parseOnnxModel, serializeOnnxModel } from 'onnx-format';
import type { CompiledModel } from '../lowering/compile.ts';
import { hoisted } from '../onnx/hoisting.ts';
import type { OnnxRuntimeBackendOptions } from '../options.ts';
import { alignedCopies } from './aligned-copies.ts';
import { CompiledSession } from './compiled-session.ts';
import type { NativeTensor } from './native-binding.ts';

/** What is prepared may be so many times as large as the parameters: a permuted filter is as large, a repeated one larger. */
const largestGrowth = 1.5;

/** Part of the graph, and the places of the leaves that it takes. */
interface Part {
  readonly session: CompiledSession;
  readonly places: readonly number[];
}

export class HoistedSession {
  readonly signature: Int32Array;
  readonly estimatedBytes: number;
  readonly #preparation: Part;
  readonly #rest: Part;
  #prepared: readonly NativeTensor[] | null = null;
  /** Runs in a row that had other parameters than the run before. */
  #changes = 0;
  /** The tensors that it was prepared from, which this must not keep alive. */
  #preparedFrom: readonly WeakRef<NativeTensor>[] = [];
  /** Numbers prepared from tensors that nobody has any more would only take memory. */
  readonly #forgotten = new FinalizationRegistry<undefined>(() => {
    if (this.#preparedFrom.some((tensor) => tensor.deref() === undefined)) this.#prepared = null;
  });

  private constructor(plain: CompiledSession, preparation: Part, rest: Part) {
    this.signature = plain.signature;
    this.estimatedBytes = plain.estimatedBytes;
    this.#preparation = preparation;
    this.#rest = rest;
  }

  /**
   * Compiles `model`, the graph of `plain`, in two parts; `leaves` tell how large what is prepared will be.
   *
   * @param parameters places of the leaves that stay the same from run to run
   * @returns null where there is nothing to hoist, or what is prepared would take too much memory
   */
  static from(
    plain: CompiledSession,
    model: CompiledModel,
    { leaves, parameters }: { leaves: readonly NativeTensor[]; parameters: readonly number[] },
    options: OnnxRuntimeBackendOptions,
  ): HoistedSession | null {
    const names = new Set(parameters.map((place) => model.inputs[place]!));
    const split = hoisted(parseOnnxModel(model.bytes), names);
    if (split === null) return null;
    const compile = (part: OnnxModel, outputs: readonly string[], handedOver: readonly string[]): Part => {
      const taken = new Set(part.graph.inputs.map(({ name }) => name));
      const places = [...model.inputs.keys()].filter((place) => taken.has(model.inputs[place]!));
      const compiled = {
        bytes: serializeOnnxModel(part),
        nodes: part.graph.nodes.length,
        inputs: [...places.map((place) => model.inputs[place]!), ...handedOver],
        outputs,
        ...(model.callSites ? { callSites: model.callSites } : {}),
      };
      const session = new CompiledSession(compiled, plain.signature, plain.estimatedBytes, options);
      return { session, places };
    };
    const preparation = compile(split.preparation, split.prepared, []);
    try {
      const prepared = run(preparation, leaves);
      if (bytesOf(prepared) <= largestGrowth * bytesOf(parameters.map((place) => leaves[place]!))) {
        const types = prepared.map(({ type, dims }) => ({ elementType: type as ElementType, shape: dims }));
        const rest = compile(split.rest(types), model.outputs, split.prepared);
        const session = new HoistedSession(plain, preparation, rest);
        session.#remember(leaves, prepared);
        return session;
      }
    } catch (error) {
      preparation.session.dispose();
      throw error;
    }
    preparation.session.dispose();
    return null;
  }

  /** As `CompiledSession` does. */
  run(leaves: readonly NativeTensor[]): NativeTensor[] {
    return run(this.#rest, leaves, this.#preparedFor(leaves));
  }

  /** How many runs in a row it was prepared anew for. */
  get changes(): number {
    return this.#changes;
  }

  dispose(): void {
    this.#preparation.session.dispose();
    this.#rest.session.dispose();
    this.#prepared = null;
  }

  #preparedFor(leaves: readonly NativeTensor[]): readonly NativeTensor[] {
    const { places } = this.#preparation;
    const isSame = places.every((place, i) => leaves[place] === this.#preparedFrom[i]?.deref());
    if (this.#prepared !== null && isSame) {
      this.#changes = 0;
      return this.#prepared;
    }
    this.#changes++;
    // The old ones go first: at no time are both there.
    this.#prepared = null;
    return this.#remember(leaves, run(this.#preparation, leaves));
  }

  #remember(leaves: readonly NativeTensor[], computed: readonly NativeTensor[]): readonly NativeTensor[] {
    const prepared = alignedCopies(computed);
    const from = this.#preparation.places.map((place) => leaves[place]!);
    this.#prepared = prepared;
    this.#preparedFrom = from.map((tensor) => new WeakRef(tensor));
    for (const tensor of from) this.#forgotten.register(tensor, undefined);
    return prepared;
  }
}

function run(
  { session, places }: Part,
  leaves: readonly NativeTensor[],
  handedOver: readonly NativeTensor[] = [],
): NativeTensor[] {
  return session.run([...places.map((place) => leaves[place]!), ...handedOver]);
}

function bytesOf(tensors: readonly NativeTensor[]): number {
  return tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
}
