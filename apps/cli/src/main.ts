#!/usr/bin/env node
import { restartWithHugePages } from './cli/huge-pages.ts';
import { watchStandardStreams } from './cli/standard-output.ts';

if (!restartWithHugePages()) {
  watchStandardStreams();
  const { runCommandLine } = await import('./program.ts');
  process.exitCode = await runCommandLine(process.argv.slice(2));
}
