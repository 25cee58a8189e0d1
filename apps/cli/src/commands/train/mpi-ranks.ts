/** `--communicator mpi`: this process as one rank of a run that `mpirun` has started. */
import { availableParallelism, cpus } from 'node:os';
import type { MpiCommunicator } from '@arcface/mpi';
import { findOptionalPackage, importFile } from '../../backends/optional-package.ts';
import type { CommandContext } from '../../cli/define-command.ts';
import { SilentConsole } from '../../cli/silent-console.ts';
import { CommandError, UsageError } from '../../cli/usage-error.ts';
import type { TrainCommandOptions } from './training-settings.ts';

const PACKAGE = '@arcface/mpi';
/** Which `mpirun` hands on to all ranks, and so does `scancel --signal` of Slurm. */
const STOP = 'SIGUSR2';

/**
 * Runs a command as all ranks of it together. Rank 0 speaks for all; whichever fails ends the others.
 *
 * @param command gets the communicator, and a context with the console of its rank
 * @throws {UsageError} for ranks that are asked for twice; CommandError when there is no MPI
 */
export async function withMpiRanks(
  options: Pick<TrainCommandOptions, 'ranks' | 'rankTimeout' | 'backwardStages'>,
  context: CommandContext,
  command: (communicator: MpiCommunicator, context: CommandContext) => Promise<void>,
): Promise<void> {
  if (options.ranks > 1) {
    throw new UsageError(
      '--ranks starts threads, and with --communicator mpi it is mpirun that starts the ranks: leave out --ranks.',
    );
  }
  const communicator = await joinMpi(options);
  const { rank, size, places, version } = communicator;
  const { json } = context.console;
  const stop = new AbortController();
  const onStop = (): void => stop.abort(new DOMException('Interrupted', 'AbortError'));
  process.on(STOP, onStop);
  const console = rank === 0 ? context.console : new SilentConsole({ json });
  const hosts = new Set(places.map(({ host }) => host)).size;
  console.log(`${size} ranks on ${hosts} ${hosts === 1 ? 'host' : 'hosts'}, ${version.split(',')[0]}`);
  try {
    await command(communicator, {
      ...context,
      console,
      signal: AbortSignal.any([context.signal, stop.signal]),
    });
    communicator.close();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    communicator.abort({
      exitCode: error instanceof UsageError ? 2 : 1,
      message: `error: rank ${rank} of ${size}: ${message}`,
    });
    throw error;
  } finally {
    process.off(STOP, onStop);
  }
}

async function joinMpi({
  rankTimeout,
  backwardStages,
}: Pick<TrainCommandOptions, 'rankTimeout' | 'backwardStages'>): Promise<MpiCommunicator> {
  const file = findOptionalPackage(PACKAGE);
  if (file === undefined) {
    throw new CommandError(
      `--communicator mpi needs the package ${PACKAGE}. Run \`npm install ${PACKAGE}\` in your project.`,
    );
  }
  const { mpiCommunicator, MpiError } = (await importFile(file)) as typeof import('@arcface/mpi');
  try {
    return mpiCommunicator({
      silenceSeconds: rankTimeout,
      lateSeconds: 12 * rankTimeout,
      progressThread: backwardStages > 1,
    });
  } catch (error) {
    if (error instanceof MpiError)
      throw new CommandError(`--communicator mpi: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The share of its host's cores that a rank gets: those that its launcher has bound it to, or an even part of all. */
export function threadsOfRank(
  { threads }: Pick<TrainCommandOptions, 'threads'>,
  { places, rank }: MpiCommunicator,
): number {
  const { host } = places[rank]!;
  const neighbours = places.filter((place) => place.host === host).length;
  const own = availableParallelism();
  return threads ?? (own < cpus().length ? own : Math.max(1, Math.floor(own / neighbours)));
}
