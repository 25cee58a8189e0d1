/** What an exchange costs between the ranks of `mpirun -n 2 node --import tsx tooling/mpi/link-cost.ts`: alpha in seconds, beta in bytes a second. */
import { mpiCommunicator } from '@arcface/mpi';

const communicator = mpiCommunicator();
const median = (length: number, repeats: number): number => {
  const values = new Float32Array(length);
  const seconds = Array.from({ length: repeats }, () => {
    communicator.barrier();
    const begun = performance.now();
    communicator.allReduce(values, 'sum');
    return (performance.now() - begun) / 1000;
  });
  return seconds.sort((a, b) => a - b)[Math.floor(repeats / 2)]!;
};
// Between two ranks an exchange is three messages: one to agree, two of a ring, with half of the bytes each.
const small = median(1, 200);
const numbers = 1 << 22;
const large = median(numbers, 15);
const [alpha, beta] = [small / 3, (4 * numbers) / (large - small)];
if (communicator.rank === 0) process.stdout.write(`${JSON.stringify({ alpha, beta })}\n`);
communicator.close();
