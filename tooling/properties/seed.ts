/**
 * Runs before every file of tests that has properties: they are tried on the same inputs in every run and on every machine, so that none
 * fails by chance. `ARCFACE_TEST_SEED=7 npx pnpm test packages/cleaner` tries others; what fails prints its seed and its input.
 */
import fc from 'fast-check';

const { ARCFACE_TEST_SEED: seed = '1' } = process.env;
fc.configureGlobal({ seed: Number(seed) });
