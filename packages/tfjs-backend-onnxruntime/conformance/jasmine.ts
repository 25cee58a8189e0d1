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
  addReporter(reporter: { specDone(result: SpecResult): void; jasmineDone(): void }): void;
  execute(): void;
}

interface JasmineCore {
  boot(core: JasmineCore): { getEnv(): JasmineEnvironment };
}

const core = createRequire(import.meta.url)('jasmine-core') as JasmineCore;

/** The one environment of this process; loading this module has defined `describe`, `it`, `expect`, ... */
export const environment: JasmineEnvironment = core.boot(core).getEnv();
