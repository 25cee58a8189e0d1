/** Finds the MPI library that belongs to the launcher of this process, loads it, and tells whose it is. */
import koffi, { type LibraryHandle } from 'koffi';
import { type MpiAbi, mpichAbi, openMpiAbi, standardAbi } from './mpi-abi.ts';
import { MpiError } from './mpi-error.ts';

/** A library that is loaded, and how to speak to it. */
export interface MpiLibrary {
  readonly library: LibraryHandle;
  /** By which it was loaded. */
  readonly name: string;
  readonly abi: MpiAbi;
  /** What it says of itself: `Open MPI v4.1.4, ...`. */
  readonly version: string;
}

/** Names by which a system's loader finds the libraries, the standard's first. */
const STANDARD = ['libmpi_abi.so.1', 'libmpi_abi.so.0'];
const OPEN_MPI = ['libmpi.so.40'];
const MPICH = ['libmpi.so.12', 'libmpich.so.12'];

/** What launchers set for each process: Open MPI's, then MPICH's and Slurm's with either. */
const OPEN_MPI_RANK = 'OMPI_COMM_WORLD_RANK';
const MPICH_RANK = 'PMI_RANK';
const EITHER_RANK = 'PMIX_RANK';

/** The longest text that `MPI_Get_library_version` gives. */
const VERSION_BYTES = 8192;

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether this process was started by `mpirun`, `mpiexec` or `srun`. */
export function isUnderMpi(environment: Environment = process.env): boolean {
  return [OPEN_MPI_RANK, MPICH_RANK, EITHER_RANK].some((name) => environment[name] !== undefined);
}

/**
 * @param given file or name of the library; default: the one that belongs to the launcher
 * @throws {MpiError} `no-library`, `unknown-library`
 */
export function loadMpiLibrary(given?: string, environment: Environment = process.env): MpiLibrary {
  leaveMemoryAlone();
  const names = given === undefined ? candidates(environment) : [given];
  const reasons: string[] = [];
  for (const name of names) {
    let library: LibraryHandle;
    try {
      // Open MPI's plug-ins look for its symbols among the global ones.
      library = koffi.load(name, { global: true });
    } catch (error) {
      reasons.push(`${name}: ${(error as Error).message}`);
      continue;
    }
    return identified(library, name);
  }
  throw new MpiError(
    'no-library',
    `No MPI library can be loaded (${reasons.join('; ')}). Install Open MPI (Debian: apt-get install openmpi-bin libopenmpi3) ` +
      'or MPICH (mpich libmpich12), or name the library in ARCFACE_MPI_LIBRARY.',
  );
}

/**
 * UCX, over which MPICH and Open MPI may send, rewrites the machine code of `mmap` and its like when it is loaded, to hear of memory that is
 * given back, and JavaScript's own threads may be in those functions at the time. A run under MPICH has ended once with a segmentation fault in
 * JavaScript's compiler, which could not be repeated; this is the likely cause. UCX is asked not to, unless somebody has asked for it.
 * The C library reads this, so it must be set before UCX is loaded.
 */
function leaveMemoryAlone(): void {
  process.env.UCX_MEM_MMAP_HOOK_MODE ??= 'none';
  process.env.UCX_MEM_MALLOC_HOOKS ??= 'n';
}

/** The library of another MPI than the launcher's would be one rank of one. */
function candidates(environment: Environment): string[] {
  const named = environment.ARCFACE_MPI_LIBRARY;
  if (named) return [named];
  if (environment[OPEN_MPI_RANK] !== undefined) return [...OPEN_MPI, ...STANDARD];
  if (environment[MPICH_RANK] !== undefined) return [...STANDARD, ...MPICH];
  return [...STANDARD, ...OPEN_MPI, ...MPICH];
}

function identified(library: LibraryHandle, name: string): MpiLibrary {
  let version: string;
  try {
    const text = Buffer.alloc(VERSION_BYTES);
    const length = new Int32Array(1);
    library.func('MPI_Get_library_version', 'int', ['void *', 'void *'])(text, length);
    version = text
      .toString('latin1', 0, length[0])
      .replace(/[\0\s]+/g, ' ')
      .trim();
  } catch (error) {
    throw new MpiError('unknown-library', `${name} is no MPI library: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const abi = abiOf(library, version);
  if (abi) return { library, name, abi, version };
  throw new MpiError(
    'unknown-library',
    `${name} is of an MPI whose handles are not known here ("${version.slice(0, 80)}"). Known are Open MPI, MPICH with those that ` +
      'share its handles (Intel MPI, MVAPICH, Cray MPICH), and libraries of the MPI 5 ABI (libmpi_abi.so).',
  );
}

function abiOf(library: LibraryHandle, version: string): MpiAbi | undefined {
  if (hasStandardAbi(library)) return standardAbi;
  if (/^Open MPI/.test(version)) return openMpiAbi((variable) => library.symbol(variable) as object);
  if (/^(MPICH|Intel\(R\) MPI|MVAPICH|CRAY MPICH)/i.test(version)) return mpichAbi;
  return undefined;
}

function hasStandardAbi(library: LibraryHandle): boolean {
  try {
    const [major, minor] = [new Int32Array(1), new Int32Array(1)];
    const code = library.func('MPI_Abi_get_version', 'int', ['void *', 'void *'])(major, minor) as number;
    return code === 0 && major[0]! >= 1;
  } catch {
    // Older than MPI 5.
    return false;
  }
}
