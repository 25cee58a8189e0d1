/** The functions of MPI that are used here, with types, with handles filled in, and with error codes as errors. */
import type { Exchangeable } from '@arcface/subcenter-loss';
import type { Handle } from './mpi-abi.ts';
import { MpiError } from './mpi-error.ts';
import type { MpiLibrary } from './mpi-library.ts';

/** An operation that goes on by itself. What it reads and writes is held here until it is done, out of the collector's reach. */
export interface MpiRequest {
  readonly handle: BigUint64Array;
  held: readonly unknown[];
}

/** What `MPI_Test` is asked by, here and in the thread of `progress-thread.ts`: request, whether it is done, status. */
export const TEST_TYPES = ['void *', 'void *', 'void *'] as const;

export type Reduction = 'sum' | 'max';

/** `MPI_MAX_ERROR_STRING` of whichever has the longest. */
const ERROR_BYTES = 512;

export class MpiCalls {
  readonly #function: (name: string, types: readonly string[]) => (...values: unknown[]) => void;
  readonly #abi: MpiLibrary['abi'];
  readonly #abort: (communicator: Handle, code: number) => number;
  readonly #errorText: (code: number, text: Buffer, length: Int32Array) => number;
  readonly #done = new Int32Array(1);
  readonly #calls = new Map<string, (...values: unknown[]) => void>();
  readonly #communicator: Handle;

  constructor({ library, abi }: MpiLibrary) {
    this.#abi = abi;
    this.#communicator = abi.world;
    this.#errorText = library.func('MPI_Error_string', 'int', ['int', 'void *', 'void *']);
    this.#abort = library.func('MPI_Abort', 'int', [abi.handleType, 'int']);
    this.#function = (name, types) => {
      const call = library.func(name, 'int', [...types]);
      return (...values) => {
        const code = call(...values) as number;
        if (code !== 0) throw this.failure(name, code);
      };
    };
  }

  /** What MPI says of a code that one of its functions has returned. */
  failure(name: string, code: number): MpiError {
    const text = Buffer.alloc(ERROR_BYTES);
    const length = new Int32Array(1);
    this.#errorText(code, text, length);
    return new MpiError('mpi-failed', `${name} has failed: ${text.toString('latin1', 0, length[0])}`);
  }

  /**
   * `MPI_Init`, and from then on errors that are returned, not fatal.
   *
   * @param options.threads whether other threads than this are to call MPI, too
   * @returns whether they may
   */
  initialise({ threads }: { readonly threads: boolean }): boolean {
    const provided = new Int32Array(1);
    if (threads) {
      const types = ['void *', 'void *', 'int', 'void *'];
      this.#call('MPI_Init_thread', types, null, null, this.#abi.threadMultiple, provided);
    } else {
      this.#call('MPI_Init', ['void *', 'void *'], null, null);
    }
    this.#call('MPI_Comm_set_errhandler', ['handle', 'handle'], this.#abi.world, this.#abi.errorsReturn);
    return provided[0] === this.#abi.threadMultiple;
  }

  finalise(): void {
    this.#call('MPI_Finalize', []);
  }

  get rank(): number {
    return this.#number('MPI_Comm_rank');
  }

  get size(): number {
    return this.#number('MPI_Comm_size');
  }

  /** Ends the processes of all ranks; does not return where MPI keeps its promise. */
  abort(code: number): void {
    this.#abort(this.#communicator, code);
  }

  /** Starts to add up (or take the maximum of) `values` over all ranks, in place. */
  allReduce(values: Exchangeable, operation: Reduction): MpiRequest {
    const { inPlace, sum, max } = this.#abi;
    return this.#start(
      'MPI_Iallreduce',
      ['void *', 'void *', 'int', 'handle', 'handle', 'handle', 'void *'],
      [inPlace, values, values.length, this.#type(values), operation === 'sum' ? sum : max],
    );
  }

  /** Starts to collect values of all ranks in `into`, those of rank r from `begins[r]`. */
  allGather<T extends Exchangeable>(values: T, into: T, counts: Int32Array, begins: Int32Array): MpiRequest {
    const type = this.#type(values);
    return this.#start(
      'MPI_Iallgatherv',
      ['void *', 'int', 'handle', 'void *', 'void *', 'void *', 'handle', 'handle', 'void *'],
      [values, values.length, type, into, counts, begins, type],
    );
  }

  /** Starts to give everybody the values of `root`. */
  broadcast(values: Exchangeable, root: number): MpiRequest {
    return this.#start(
      'MPI_Ibcast',
      ['void *', 'int', 'handle', 'int', 'handle', 'void *'],
      [values, values.length, this.#type(values), root],
    );
  }

  /** Starts to send a message to one rank. */
  send(values: Int32Array, rank: number, tag: number): MpiRequest {
    return this.#start(
      'MPI_Isend',
      ['void *', 'int', 'handle', 'int', 'int', 'handle', 'void *'],
      [values, values.length, this.#abi.int32, rank, tag],
    );
  }

  /** Receives a message of any rank if one is there. */
  receive(into: Int32Array, tag: number): boolean {
    const { anySource, statusIgnore, int32 } = this.#abi;
    this.#done[0] = 0;
    this.#call(
      'MPI_Iprobe',
      ['int', 'int', 'handle', 'void *', 'void *'],
      anySource,
      tag,
      this.#communicator,
      this.#done,
      statusIgnore,
    );
    if (this.#done[0] === 0) return false;
    this.#call(
      'MPI_Recv',
      ['void *', 'int', 'handle', 'int', 'int', 'handle', 'void *'],
      into,
      into.length,
      int32,
      anySource,
      tag,
      this.#communicator,
      statusIgnore,
    );
    return true;
  }

  /** Whether an operation is done; also what gets it on. */
  test(request: MpiRequest): boolean {
    if (request.held.length === 0) return true;
    this.#done[0] = 0;
    this.#call('MPI_Test', TEST_TYPES, request.handle, this.#done, this.#abi.statusIgnore);
    if (this.#done[0] === 0) return false;
    request.held = [];
    return true;
  }

  #start(name: string, types: readonly string[], values: readonly unknown[]): MpiRequest {
    const handle = new BigUint64Array(1);
    this.#call(name, types, ...values, this.#communicator, handle);
    return { handle, held: values };
  }

  #number(name: 'MPI_Comm_rank' | 'MPI_Comm_size'): number {
    const value = new Int32Array(1);
    this.#call(name, ['handle', 'void *'], this.#communicator, value);
    return value[0]!;
  }

  #type(values: Exchangeable): Handle {
    return values instanceof Float32Array ? this.#abi.float32 : this.#abi.int32;
  }

  #call(name: string, types: readonly string[], ...values: unknown[]): void {
    let call = this.#calls.get(name);
    if (!call) {
      call = this.#function(
        name,
        types.map((type) => (type === 'handle' ? this.#abi.handleType : type)),
      );
      this.#calls.set(name, call);
    }
    call(...values);
  }
}
