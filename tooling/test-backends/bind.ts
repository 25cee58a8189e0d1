/** Runs before every test file: binds the backend that ARCFACE_TEST_BACKEND names as the command line would. */
const { ARCFACE_TEST_BACKEND: backend } = process.env;
if (backend) {
  const { useBackend } = await import('../../apps/cli/src/backend.ts');
  await useBackend({ backend });
}
