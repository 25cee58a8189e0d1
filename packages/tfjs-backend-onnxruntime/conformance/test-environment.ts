// Names the backend on which tfjs-core's specs run; it must be said before the first of them is loaded.

import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';
import '@tensorflow/tfjs-backend-cpu';
import '../src/index.ts';

export const backendName = process.env.CONFORMANCE_BACKEND!;

setTestEnvs([{ name: backendName, backendName, isDataSync: true }]);
