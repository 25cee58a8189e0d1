/** A rank's thread in the tests of ranks. */
import 'tfjs-backend-onnxruntime';
import * as tf from '@tensorflow/tfjs-core';
import { configure } from 'tfjs-backend-onnxruntime';
import { serveRank } from './rank-threads.ts';

configure({ threads: 1 });
await tf.setBackend('onnxruntime');
serveRank();
