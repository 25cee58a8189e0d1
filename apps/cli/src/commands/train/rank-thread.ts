/** The thread of a rank of `arcface train --ranks N`: it binds TensorFlow.js to the backend of the command line, and computes. */
import { rankData, serveRank } from '@arcface/trainer/node';
import { type BindingOptions, useBackend } from '../../backend.ts';
import type { ComputeOptions } from '../../cli/define-command.ts';

await useBackend(rankData() as Pick<ComputeOptions, 'backend'> & BindingOptions);
serveRank();
