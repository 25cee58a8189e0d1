/**
 * Ends this process, come what may. `MPI_Abort` asks the launcher to end everybody and waits until it has; where the network to it is
 * cut, it waits for ever, and this thread with it. So another thread kills the process when its time is up: the local daemon sees a
 * process that has died, and does what it does about that.
 */
import { Worker } from 'node:worker_threads';

/** As text, for the reasons that `progress-thread.ts` gives. */
const PROGRAM = `
const { workerData } = require('node:worker_threads');
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, workerData);
process.kill(process.pid, 'SIGKILL');
`;

/** @param milliseconds after which the process is killed, if it is still there */
export function endWithin(milliseconds: number): void {
  const thread = new Worker(PROGRAM, { eval: true, execArgv: [], workerData: milliseconds });
  thread.on('error', () => {});
  // A process that can end by itself is not kept alive for this.
  thread.unref();
}
