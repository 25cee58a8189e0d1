/**
 * What is wrong with a package before anybody installs it: publint (is the manifest right for every consumer?),
 * are-the-types-wrong (do the types resolve as the code does?), what must be in the tarball and what must not.
 */
import { relative } from 'node:path';
import { type PackedPackage, root, run } from './published-packages.ts';

/** Scripts that npm runs at the user's at install. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare'];
const REQUIRED = ['package/package.json', 'package/README.md', 'package/LICENSE'];
const UNWANTED = /\.test\.|\.fixture\.|\/testing\/|\/bench\/|\.tsbuildinfo$|^package\/src\//;

/** The faults of one tarball, as lines of text. */
export function tarballFaults({ directory, manifest, tarball }: PackedPackage): string[] {
  const faults: string[] = [];
  for (const name of INSTALL_SCRIPTS) {
    if (manifest.scripts?.[name] !== undefined)
      faults.push(`package.json has a script "${name}": nothing may run at install`);
  }
  const ownTests = `vitest run --root ../.. ${relative(root, directory)}/`;
  if (manifest.scripts?.test !== ownTests) faults.push(`its script "test" is not "${ownTests}"`);
  if (manifest.license !== 'Apache-2.0') faults.push(`license is ${manifest.license}, expected Apache-2.0`);
  if (manifest.files === undefined) faults.push('package.json has no "files"');
  if (manifest.publishConfig?.access !== 'public') faults.push('publishConfig.access is not "public"');
  if (manifest.publishConfig?.provenance !== true) faults.push('publishConfig.provenance is not true');

  const files = run('tar', ['-tzf', tarball], root).trim().split('\n');
  faults.push(
    ...files.filter((file) => UNWANTED.test(file)).map((file) => `packed, but not for users: ${file}`),
  );
  // Other people's code that was bundled in comes with a word about whose it is.
  const bundled = files.some((file) => file.endsWith('.LEGAL.txt'));
  for (const required of bundled ? [...REQUIRED, 'package/NOTICE'] : REQUIRED)
    if (!files.includes(required)) faults.push(`not packed: ${required}`);

  for (const [command, ...args] of [
    ['npx', 'publint', 'run', tarball, '--strict'],
    ['npx', 'attw', tarball, '--profile', 'esm-only'],
  ] as const) {
    try {
      run(command, args, root);
    } catch (error) {
      faults.push((error as Error).message);
    }
  }
  return faults;
}
