// Registers the gradients of tfjs-core's kernels, and in the place of those that are wrong, fail or cost too much the rules of
// gradient-rules/. The bundle of tfjs-core that Node loads registers none, and the
// module that does is published in a form that Node alone cannot load (imports without extensions). Under a loader
// that resolves those (tsx, which the commands of this repository run under) it can be loaded as it is, all two hundred
// files of it. The published package carries a bundled copy, which the build makes; sources take that of the last build or
// test, if there was one. The registry is global to the process, so a copy registers for everybody.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { registerAveragePoolGradients } from './gradient-rules/average-pool.ts';
import { registerBroadcastGradients } from './gradient-rules/broadcast.ts';
import { registerMirrorPadGradient } from './gradient-rules/mirror-pad.ts';
import { registerPreluGradient } from './gradient-rules/prelu.ts';
import { registerProdGradient } from './gradient-rules/product.ts';
import { registerSavedResultGradients } from './gradient-rules/saved-result.ts';
import { registerSumGradients } from './gradient-rules/sum.ts';

const bundled = ['./tfjs-gradients.cjs', '../dist/tfjs-gradients.cjs']
  .map((place) => fileURLToPath(new URL(place, import.meta.url)))
  .find((file) => existsSync(file));
createRequire(import.meta.url)(bundled ?? '@tensorflow/tfjs-core/dist/register_all_gradients.js');
registerSavedResultGradients();
registerSumGradients();
registerBroadcastGradients();
registerProdGradient();
registerMirrorPadGradient();
registerAveragePoolGradients();
registerPreluGradient();
