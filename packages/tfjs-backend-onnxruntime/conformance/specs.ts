// What one process of the conformance run does (bundled, see bundle.ts): runs its share of the specs on one
// backend and sends the parent what came out.

import { environment } from './jasmine.ts';
import './test-environment.ts';
import '@tensorflow/tfjs-core/dist/tests.js';
import type { Outcome, Share } from './outcome.ts';
import { suiteOf } from './outcome.ts';
import { backendName } from './test-environment.ts';

const share = JSON.parse(process.env.CONFORMANCE_SHARE!) as Share;

/** Whether this process runs the spec: whole suites, dealt out by name. */
function isOurs(name: string): boolean {
  if (share.only !== undefined && !name.includes(share.only)) return false;
  let sum = 0;
  for (const character of suiteOf(name, backendName)) sum = (sum * 31 + character.charCodeAt(0)) % 1_000_003;
  return sum % share.of === share.index;
}

const outcomes: Outcome[] = [];
environment.configure({ random: false, specFilter: (spec) => isOurs(spec.getFullName()) });
environment.addReporter({
  specDone({ fullName, status, failedExpectations }) {
    if (status === 'excluded' || status === 'pending') return;
    const message = failedExpectations[0]?.message.split('\n')[0];
    outcomes.push({ name: fullName, passed: status === 'passed', ...(message && { message }) });
  },
  jasmineDone() {
    process.send!(outcomes, () => process.exit(0));
  },
});
environment.execute();
