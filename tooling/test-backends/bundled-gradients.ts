/** Runs once before the tests: whatever trains loads tfjs-core's gradients, from one file in a tenth of the time. */
export async function setup(): Promise<void> {
  await import('../../packages/tfjs-backend-onnxruntime/bundle-gradients.mjs' as string);
}
