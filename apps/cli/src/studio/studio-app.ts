/** Where the built studio is: in the package `@arcface/studio`. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CommandError } from '../cli/usage-error.ts';

/** @throws {CommandError} in a checkout in which it was not built */
export function studioApp(): string {
  const app = fileURLToPath(new URL('dist/', import.meta.resolve('@arcface/studio/package.json')));
  if (existsSync(`${app}index.html`)) return app;
  throw new CommandError(
    'The studio is not built. In the repository, npx pnpm studio builds it and opens a sample; npx pnpm build builds everything.',
  );
}
