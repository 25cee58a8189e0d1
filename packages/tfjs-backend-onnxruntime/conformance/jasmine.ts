// Jasmine, whose globals tfjs-core's specs expect. Version 3, the one they were written for: later ones refuse specs
// that take a `done` callback and return a promise, as some of these do.

import { createRequire } from 'node:module';

interface SpecResult {
  readonly fullName: string;
  readonly status: 'passed' | 'failed' | 'pending' | 'excluded';
  readonly failedExpectations: readonly { readonly message: string }[];
}

interface JasmineEnvironment {
  configure(configuration: {
    random: boolean;
    specFilter: (spec: { getFullName(): string }) => boolean;
  }): void;
  addReporter(reporter: {
    specStarted(): void;
    specDone(result: SpecResult): void;
    jasmineDone(): void;
  }): void;
  execute(): void;
}

interface Jasmine {
  DEFAULT_TIMEOUT_INTERVAL: number;
  getEnv(): JasmineEnvironment;
}

interface JasmineCore {
  boot(core: JasmineCore): Jasmine;
}

const core = createRequire(import.meta.url)('jasmine-core') as JasmineCore;

const jasmine = core.boot(core);
// Milliseconds. Its five seconds are too few where the machine does something else as well; what hangs is ended by the parent.
jasmine.DEFAULT_TIMEOUT_INTERVAL = 600_000;

/** The one environment of this process; loading this module has defined `describe`, `it`, `expect`, ... */
export const environment: JasmineEnvironment = jasmine.getEnv();
