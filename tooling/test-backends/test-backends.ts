/**
 * On which backends a test runs. Usually on those that it names; with the environment variable ARCFACE_TEST_BACKEND (a
 * value of the command line's `--backend`) on that one alone, so that the packages' tests can be run on any backend:
 *
 *     ARCFACE_TEST_BACKEND=node npx pnpm test packages/backbones packages/subcenter-loss packages/trainer
 *
 * tooling/test-backends/bind.ts has bound it before a test file is loaded.
 */
import * as tf from '@tensorflow/tfjs-core';

/** @param usual names of backends, as TensorFlow.js knows them; the test file imports them itself */
export function testBackends(...usual: [string, ...string[]]): [string, ...string[]] {
  return process.env.ARCFACE_TEST_BACKEND ? [tf.getBackend()] : usual;
}
