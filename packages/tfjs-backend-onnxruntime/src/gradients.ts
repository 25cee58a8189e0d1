// Registers the gradients of tfjs-core's kernels. The bundle of tfjs-core that Node loads registers none, and the
// module that does is published in a form that Node alone cannot load (imports without extensions). Under a loader
// that resolves those (tsx, which the tests and commands of this repository run under) it is loaded as it is;
// the published package carries a bundled copy, which the build makes. The registry is global to the process, so a
// copy registers for everybody.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const bundled = fileURLToPath(new URL('./tfjs-gradients.cjs', import.meta.url));
const load = createRequire(import.meta.url);
load(existsSync(bundled) ? bundled : '@tensorflow/tfjs-core/dist/register_all_gradients.js');
