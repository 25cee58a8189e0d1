// What one process of the conformance run does (bundled, see bundle.ts): runs its share of the specs on one
// backend and sends the parent how each ended, and in the end how many there were.

import { environment } from './jasmine.ts';
import './test-environment.ts';
import '@tensorflow/tfjs-core/dist/tests.js';
import type { Outcome, Share } from './outcome.ts';
import { readOutcomes, suiteOf } from './outcome.ts';
import { backendName, loadBackend } from './test-environment.ts';

const share = JSON.parse(process.env.CONFORMANCE_SHARE!) as Share;
const before = new Set(
  share.outcomes === undefined ? [] : readOutcomes(share.outcomes).map(({ name }) => name),
);

/** Whether this process runs the spec: whole suites, dealt out by name. */
function isOurs(name: string): boolean {
  if (before.has(name) || (share.only !== undefined && !name.includes(share.only))) return false;
  let sum = 0;
  for (const character of suiteOf(name, backendName)) sum = (sum * 31 + character.charCodeAt(0)) % 1_000_003;
  return sum % share.of === share.index;
}

/**
 * Some specs draw numbers without a seed, and few of the numbers that can be drawn would fail them. Each spec gets the same ones every
 * time, whichever specs came before it. (Mulberry32, by Tommy Ettinger, public domain.)
 */
function repeatRandomNumbers(): void {
  let state = 1;
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

let specs = 0;
environment.configure({
  random: false,
  specFilter(spec) {
    const found = isOurs(spec.getFullName());
    if (found) specs++;
    return found;
  },
});
environment.addReporter({
  specStarted: repeatRandomNumbers,
  specDone({ fullName, status, failedExpectations }) {
    if (status === 'excluded' || status === 'pending') return;
    const message = failedExpectations[0]?.message.split('\n')[0];
    const outcome: Outcome = { name: fullName, passed: status === 'passed', ...(message && { message }) };
    process.send!(outcome);
  },
  jasmineDone() {
    process.send!({ specs }, () => process.exit(0));
  },
});
loadBackend().then(
  () => environment.execute(),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
