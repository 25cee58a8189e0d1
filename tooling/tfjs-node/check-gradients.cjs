// Loads a built tfjs-node and checks gradients that it computes against central differences of its own values.
//
//     node check-gradients.cjs FOLDER PACKAGE
//
// FOLDER has PACKAGE in its node_modules. Exits with 1 when a gradient is off.

const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');
const util = require('node:util');

// Called by tfjs-node 4.22 and removed in Node 23: whoever loads it on a newer Node needs this line.
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';

const [folder, name] = process.argv.slice(2);
const tf = createRequire(join(resolve(folder), 'package.json'))(name);

// float32 values of a polynomial of degree two: a step this large loses nothing to truncation.
const STEP = 0.25;
const TOLERANCE = 1e-3;

function ramp(shape, seed) {
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + seed)),
    shape,
  );
}

/** The largest difference between a gradient and what differences say, relative to the largest gradient. */
function worst(f, inputs) {
  const gradients = tf
    .grads(f)(inputs)
    .map((gradient) => gradient.dataSync());
  const largest = Math.max(...gradients.flatMap((gradient) => [...gradient].map(Math.abs)));
  let error = 0;
  inputs.forEach((input, which) => {
    const values = input.dataSync();
    for (let i = 0; i < input.size; i++) {
      const [up, down] = [STEP, -STEP].map((step) => {
        const moved = Float32Array.from(values);
        moved[i] += step;
        return f(...inputs.with(which, tf.tensor(moved, input.shape))).dataSync()[0];
      });
      error = Math.max(error, Math.abs((up - down) / (2 * STEP) - gradients[which][i]) / largest);
    }
  });
  return error;
}

const square = (x) => tf.sum(tf.square(x));
const checks = {
  matMul: () =>
    worst((a, b) => tf.sum(tf.mul(tf.matMul(a, b), ramp([3, 2], 2))), [ramp([3, 4], 0), ramp([4, 2], 1)]),
  conv2d: () => worst((x) => square(tf.conv2d(x, ramp([3, 3, 2, 3], 1), 1, 'same')), [ramp([1, 4, 4, 2], 0)]),
  'conv2d, filter': () =>
    worst((filter) => square(tf.conv2d(ramp([1, 4, 4, 2], 0), filter, 2, 'same')), [ramp([3, 3, 2, 3], 1)]),
  depthwiseConv2d: () =>
    worst((x) => square(tf.depthwiseConv2d(x, ramp([3, 3, 2, 1], 1), 1, 'valid')), [ramp([1, 5, 4, 2], 0)]),
};

console.log(
  `${name} ${tf.version['tfjs-node']} on Node ${process.versions.node}, backend ${tf.getBackend()}`,
);
let failed = false;
for (const [check, run] of Object.entries(checks)) {
  const error = tf.tidy(run);
  const right = error < TOLERANCE;
  failed ||= !right;
  console.log(`${right ? 'ok  ' : 'BAD '} gradient of ${check}: off by ${error.toExponential(1)}`);
}
process.exitCode = failed ? 1 : 0;
