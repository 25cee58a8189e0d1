/** A process of its own for one backend of the agreement test: prints what `runAgreementSteps` found, or why it cannot. */
import { createRequire } from 'node:module';
import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import * as tf from '@tensorflow/tfjs-core';
import { useBackend } from '../backend.ts';
import { CommandError } from '../cli/usage-error.ts';
import { runAgreementSteps } from './agreement-steps.ts';

async function bind(backend: string): Promise<void> {
  if (backend !== 'cpu') {
    await useBackend({ backend });
    return;
  }
  registerGradients();
  createRequire(import.meta.url)('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
}

async function run(backend: string): Promise<object> {
  try {
    await bind(backend);
  } catch (error) {
    if (error instanceof CommandError) return { missing: error.message };
    throw error;
  }
  const { parameters, ...found } = await runAgreementSteps();
  return { ...found, parameters: [...parameters] };
}

const found = await run(process.argv[2]!);
// Dawn keeps a process alive.
process.stdout.write(JSON.stringify(found), () => process.exit(0));
