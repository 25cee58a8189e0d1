/**
 * Packs every published package as the registry would receive it, checks the tarballs, installs them into an empty project
 * outside the repository, and uses them there: in three versions of Node, from TypeScript, in a browser bundle, by the README's
 * examples, the command line and the studio. Needs a registry. `pnpm check-packages`; `--tarballs` stops before the installation.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  bundleForBrowser,
  compileTypes,
  importInNode,
  runCommandLine,
  runReadmeExamples,
  serveStudio,
} from './consumers.ts';
import { installProject } from './installed-project.ts';
import { checkLicences } from './licences.ts';
import { packPublished } from './published-packages.ts';
import { tarballFaults } from './tarball-faults.ts';

const { values } = parseArgs({ options: { tarballs: { type: 'boolean', default: false } } });
let failures = 0;

/** Runs one check, and prints what it found or why it failed. */
async function check(
  name: string,
  find: () => readonly string[] | Promise<readonly string[]>,
): Promise<void> {
  const begun = performance.now();
  try {
    const lines = await find();
    console.log(`ok   ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
    for (const line of lines) console.log(`     ${line}`);
  } catch (error) {
    failures++;
    console.log(`BAD  ${name}\n     ${String((error as Error).message).replaceAll('\n', '\n     ')}`);
  }
}

const tarballs = mkdtempSync(join(tmpdir(), 'arcface-packages-'));
const project = realpathSync(mkdtempSync(join(tmpdir(), 'arcface-project-')));
try {
  const packages = packPublished(tarballs);
  const names = packages.map(({ manifest }) => manifest.name);
  for (const packed of packages) {
    await check(`tarball of ${packed.manifest.name}`, () => {
      const faults = tarballFaults(packed);
      if (faults.length > 0) throw new Error(faults.join('\n'));
      return [];
    });
  }
  if (!values.tarballs) {
    await check('installed into an empty project, no script run', () => {
      installProject(project, packages);
      return [];
    });
    await check('Node', () => importInNode(project, packages));
    await check('TypeScript', () => compileTypes(project, packages));
    await check('a browser bundle by Vite', () => bundleForBrowser(project, packages));
    await check("the READMEs' examples", () => runReadmeExamples(project, packages));
    await check('the command line', () => runCommandLine(project));
    await check('the studio', () => serveStudio(project));
    await check('licences of all that is installed with them', () => checkLicences(project, names));
  }
} finally {
  rmSync(tarballs, { recursive: true, force: true });
  rmSync(project, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
