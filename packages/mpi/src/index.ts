/** Ranks as processes under MPI. The table of contents: */

export type { MpiImplementation } from './mpi-abi.ts';
export {
  type MpiCommunicator,
  type MpiOptions,
  type MpiPlace,
  type MpiReduction,
  mpiCommunicator,
} from './mpi-communicator.ts';
export { MpiError, type MpiErrorCode } from './mpi-error.ts';
export { isUnderMpi } from './mpi-library.ts';
