/** What a rank does in the tests of the communicator: `collectives.fixture.ts TASK`; its answer is a line of JSON. */
import { pid } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type MpiCommunicator, mpiCommunicator } from './mpi-communicator.ts';

const [, , task, silenceSeconds] = process.argv;

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
    sameBits: bits.every((each) => each.every((value, i) => value === bits[0]![i])),
    largest: [...largest],
    gathered: gathered.map((part) => [...part]),
    told: [...told],
    places: places.length,
    ownPlace: places[rank]!.process === pid,
  });
}

const communicator = mpiCommunicator({
  silenceSeconds: silenceSeconds === undefined ? undefined : Number(silenceSeconds),
  lateSeconds: task === 'late' ? 2 : undefined,
});
try {
  if (task === 'exchange') exchange(communicator);
  // The last rank calls something else, or stops, or is busy with other things.
  const isLast = communicator.rank === communicator.size - 1;
  if (task === 'misstep') {
    if (isLast) communicator.barrier();
    else communicator.allReduce(new Float32Array(3), 'sum');
  }
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
