/**
 * What an MPI library calls the things that C's `mpi.h` gives names to. MPI fixes its functions, not these values, so each
 * implementation has a table: Open MPI's handles are addresses of its own variables, MPICH's are integers (Intel MPI, MVAPICH
 * and Cray's share them), and those of the MPI 5 ABI are small integers in the place of pointers.
 *
 * Sources: `mpi.h` of Open MPI 4.1 and of MPICH 4.0; MPI 5.0, chapter 20, and `mpi_abi.h` of MPICH 5.0.
 */

/** Something that `mpi.h` has a name for: a pointer or an integer, to be handed on to MPI and nothing else. */
export type Handle = bigint | number | object;

/** Families of MPI libraries that have the same handles. */
export type MpiImplementation = 'Open MPI' | 'MPICH' | 'MPI 5 ABI';

export interface MpiAbi {
  readonly implementation: MpiImplementation;
  /** The C type of handles. */
  readonly handleType: 'void *' | 'int';
  readonly world: Handle;
  readonly float32: Handle;
  readonly int32: Handle;
  readonly sum: Handle;
  readonly max: Handle;
  readonly errorsReturn: Handle;
  readonly inPlace: bigint;
  readonly statusIgnore: bigint;
  readonly anySource: number;
  /** `MPI_THREAD_MULTIPLE`: the library may be called by several threads at once. */
  readonly threadMultiple: number;
}

/** @param address gives the address of a variable of the library */
export function openMpiAbi(address: (variable: string) => object): MpiAbi {
  return {
    implementation: 'Open MPI',
    handleType: 'void *',
    world: address('ompi_mpi_comm_world'),
    float32: address('ompi_mpi_float'),
    int32: address('ompi_mpi_int32_t'),
    sum: address('ompi_mpi_op_sum'),
    max: address('ompi_mpi_op_max'),
    errorsReturn: address('ompi_mpi_errors_return'),
    inPlace: 1n,
    statusIgnore: 0n,
    anySource: -1,
    threadMultiple: 3,
  };
}

export const mpichAbi: MpiAbi = {
  implementation: 'MPICH',
  handleType: 'int',
  world: 0x44000000,
  float32: 0x4c00040a,
  // MPI_INT, whose value has never changed, as that of MPI_INT32_T has.
  int32: 0x4c000405,
  sum: 0x58000003,
  max: 0x58000001,
  errorsReturn: 0x54000001,
  inPlace: -1n,
  statusIgnore: 1n,
  anySource: -2,
  threadMultiple: 3,
};

export const standardAbi: MpiAbi = {
  implementation: 'MPI 5 ABI',
  handleType: 'void *',
  world: 0x101n,
  float32: 0x210n,
  int32: 0x250n,
  sum: 0x21n,
  max: 0x23n,
  errorsReturn: 0x143n,
  inPlace: 1n,
  statusIgnore: 0n,
  anySource: -1,
  threadMultiple: 4096,
};
