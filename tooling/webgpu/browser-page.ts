// Runs in the browser: the training of the agreement test on navigator.gpu. Bundled by browser-agreement.test.ts.
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import '@tensorflow/tfjs-backend-webgpu';
import { runAgreementSteps } from '../../apps/cli/src/testing/agreement-steps.ts';

async function train(): Promise<{ losses: number[]; parameters: number[]; leaked: number }> {
  await tf.setBackend('webgpu');
  const { losses, parameters, leaked } = await runAgreementSteps();
  return { losses, parameters: [...parameters], leaked };
}

Object.assign(globalThis, { train });
