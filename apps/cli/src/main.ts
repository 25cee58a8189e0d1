#!/usr/bin/env node
import { watchStandardStreams } from './cli/standard-output.ts';
import { runCommandLine } from './program.ts';

watchStandardStreams();
process.exitCode = await runCommandLine(process.argv.slice(2));
