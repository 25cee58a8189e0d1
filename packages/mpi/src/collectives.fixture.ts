/** What a rank does in the tests of the communicator: `collectives.fixture.ts TASK`; its answer is a line of JSON. */
import { pid } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type MpiCommunicator, mpiCommunicator } from './mpi-communicator.ts';

const [, , task, silenceSeconds] = process.argv;
/** Milliseconds in which a thread starts, on a machine that is busy with other things. */
const START = 60_000;

function answer(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Every operation, with lengths that differ and none at all, and enough numbers for several messages. */
function exchange(communicator: MpiCommunicator): void {
  const { rank, size, implementation, places } = communicator;
  const sums = Float32Array.from({ length: 11 }, (_, i) => rank + i / 8);
  communicator.allReduce(sums, 'sum');
  const many = new Float32Array(300_000).fill(rank + 1);
  const pending = communicator.startAllReduce(many, 'sum');
  while (!pending.isDone());
  const severalAtOnce = [1, 2, 3].map((factor) => {
    const values = new Float32Array(100_000).fill(factor * (rank + 1));
    return { values, reduction: communicator.startAllReduce(values, 'sum') };
  });
  for (const { reduction } of severalAtOnce) reduction.wait();
  // Rounding depends on the order of the terms: all ranks must have taken the same.
  const noise = Float32Array.from({ length: 50_000 }, (_, i) => Math.sin(1 + i * (rank + 1)) * 10 ** (i % 7));
  communicator.allReduce(noise, 'sum');
  const bits = communicator.allGather(new Int32Array(noise.buffer));
  const largest = Int32Array.of(rank, -rank, 7);
  communicator.allReduce(largest, 'max');
  communicator.allReduce(new Float32Array(0), 'sum');
  const gathered = communicator.allGather(Int32Array.from({ length: rank * 3 }, () => rank));
  const told = Float32Array.from({ length: 6 }, (_, i) => (rank === size - 1 ? i : -1));
  communicator.broadcast(told, size - 1);
  communicator.barrier();
  answer({
    ...{ rank, size, implementation },
    sums: [...sums],
    many: [many[0], many.at(-1)],
    severalAtOnce: severalAtOnce.map(({ values }) => [values[0], values.at(-1)]),
    sameBits: bits.every((each) => each.every((value, i) => value === bits[0]![i])),
    largest: [...largest],
    gathered: gathered.map((part) => [...part]),
    told: [...told],
    places: places.length,
    ownPlace: places[rank]!.process === pid,
  });
}

/** A rank that computes, and does not call MPI until the exchange is done all the same. */
function computeMeanwhile(communicator: MpiCommunicator): void {
  const sleep = new Int32Array(new SharedArrayBuffer(4));
  const begun = performance.now();
  while (!communicator.progressesByItself && performance.now() - begun < START) Atomics.wait(sleep, 0, 0, 1);
  const values = new Float32Array(1_000_000).fill(1);
  const reduction = communicator.startAllReduce(values, 'sum');
  const none = communicator.startAllReduce(new Int32Array(0), 'max');
  const byItself = communicator.progressesByItself;
  // Asks the thread, not MPI.
  while (reduction.doneAt === undefined || none.doneAt === undefined);
  answer({ byItself, values: [values[0], values.at(-1)] });
}

const communicator = mpiCommunicator({
  progressThread: task === 'compute' || task === 'begun-misstep',
  silenceSeconds: silenceSeconds === undefined ? undefined : Number(silenceSeconds),
  lateSeconds: task === 'late' ? 2 : undefined,
});
try {
  if (task === 'exchange') exchange(communicator);
  if (task === 'compute') {
    computeMeanwhile(communicator);
    exchange(communicator);
  }
  // The last rank calls something else, or stops, or is busy with other things.
  const isLast = communicator.rank === communicator.size - 1;
  if (task === 'misstep') {
    if (isLast) communicator.barrier();
    else communicator.allReduce(new Float32Array(3), 'sum');
  }
  if (task === 'begun-misstep') communicator.startAllReduce(new Float32Array(isLast ? 7 : 3), 'sum').wait();
  if (task === 'stopped' && isLast) process.kill(pid, 'SIGSTOP');
  if (task === 'killed' && isLast) process.kill(pid, 'SIGKILL');
  if (task === 'late' && isLast) await pause(600_000);
  communicator.barrier();
  communicator.close();
} catch (error) {
  const { name, code, message } = error as Error & { code: string };
  answer({ name, code, message });
  communicator.abort({ exitCode: 3 });
}
