/** How the installed packages behave in the hands of their consumers: Node, TypeScript, a bundler, a reader of the README. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { programOf, SETTINGS } from '../readme/block-settings.ts';
import { codeBlocks } from '../readme/code-blocks.ts';
import { writeExampleFiles } from '../readme/example-files.ts';
import { entryPoints, NODE_VERSIONS, nodeBinary } from './installed-project.ts';
import { type PackedPackage, root, run } from './published-packages.ts';

const execute = promisify(execFile);

/** Imports every entry point in every version of Node. */
export function importInNode(project: string, packages: readonly PackedPackage[]): string[] {
  const names = packages.flatMap(entryPoints);
  const program = `
    for (const name of ${JSON.stringify(names)}) {
      const exported = Object.keys(await import(name));
      if (exported.length === 0 && !name.endsWith('/gradients')) throw new Error(name + ' exports nothing');
    }`;
  writeFileSync(join(project, 'import-all.mjs'), program);
  return NODE_VERSIONS.map((major) => {
    const version = run(nodeBinary(project, major), ['--version'], project).trim();
    run(nodeBinary(project, major), ['import-all.mjs'], project);
    return `${names.length} entry points import in Node ${version}`;
  });
}

/** Compiles a program that imports every entry point, as the two ways of resolving modules do, library checks included. */
export function compileTypes(project: string, packages: readonly PackedPackage[]): string[] {
  const names = packages.flatMap(entryPoints);
  const program = names.map((name, i) => `import * as m${i} from '${name}';\nconsole.log(m${i});`).join('\n');
  writeFileSync(join(project, 'types.ts'), program);
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,dom', '--types', 'node'];
  // tfjs-core's own declarations name types of packages that it doesn't bring.
  const settings = { node16: ['--module', 'node16'], bundler: ['--module', 'esnext'] };
  return Object.entries(settings).map(([resolution, module]) => {
    const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
    run(
      'node',
      [tsc, 'types.ts', '--moduleResolution', resolution, ...module, ...options, '--skipLibCheck'],
      project,
    );
    return `types resolve with moduleResolution ${resolution}`;
  });
}

/** What a program in a browser takes of a package, typically: the measure of what a bundler leaves out. */
const TYPICAL: Readonly<Record<string, string>> = {
  '@arcface/alignment': 'alignFace',
  '@arcface/backbones': 'createBackbone',
  '@arcface/cleaner': 'score, decide, auditRows',
  '@arcface/recordio': 'openRecordDataset',
  '@arcface/subcenter-loss': 'SubcenterHead',
  '@arcface/trainer': 'verifyPairs',
  'onnx-format': 'parseOnnxModel',
  'tfjs-training-kernels': 'groupedConv2d',
};

/** Bundles all packages for a browser, with tfjs-core, to see that it can be; and each without, for its size. */
export function bundleForBrowser(project: string, packages: readonly PackedPackage[]): string[] {
  const names = packages.map(({ manifest }) => manifest.name).filter((name) => TYPICAL[name] !== undefined);
  const imports = names.map((name, i) => `import * as m${i} from '${name}'; globalThis.m${i} = m${i};`);
  const together = bundle(project, imports.join('\n'), []);
  const lines = names.map((name) => {
    const exports = TYPICAL[name];
    const typical = `import { ${exports} } from '${name}'; globalThis.used = [${exports}];`;
    const whole = `import * as all from '${name}'; globalThis.all = all;`;
    const sizes = [typical, whole].map((code) => size(bundle(project, code, ['@tensorflow/tfjs-core'])));
    return `${name}: ${exports} ${sizes[0]}; everything ${sizes[1]}`;
  });
  return [`all of them, with tfjs-core: ${size(together)}; each without it:`, ...lines];
}

function bundle(project: string, code: string, external: readonly string[]): string {
  const folder = join(project, 'browser');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'main.js'), code);
  writeFileSync(
    join(folder, 'vite.config.js'),
    `export default { logLevel: 'error', build: { target: 'es2022', modulePreload: false, emptyOutDir: true, rollupOptions: {
      input: 'main.js', external: ${JSON.stringify(external)}, output: { entryFileNames: 'main.js' },
      onwarn(warning) { throw new Error(warning.message); } } } };`,
  );
  run('node', [join('..', 'node_modules', 'vite', 'bin', 'vite.js'), 'build'], folder);
  return readFileSync(join(folder, 'dist', 'main.js'), 'utf8');
}

function size(code: string): string {
  const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;
  return `${kilobytes(Buffer.byteLength(code))} (${kilobytes(gzipSync(code).length)} gzipped)`;
}

/** Runs every TypeScript block of every package's README, by a Node that strips types itself. */
export async function runReadmeExamples(
  project: string,
  packages: readonly PackedPackage[],
): Promise<string[]> {
  await writeExampleFiles(project);
  const lines: string[] = [];
  for (const { directory, manifest } of packages) {
    const readme = join(directory, 'README.md');
    const settings = SETTINGS[relative(root, readme)] ?? [];
    const blocks = codeBlocks(readFileSync(readme, 'utf8'));
    for (const { index, code } of blocks) {
      const setting = settings[index];
      if (setting?.needs !== undefined || setting?.ranks !== undefined) continue;
      if (setting === undefined) throw new Error(`${manifest.name}: block ${index + 1} has no setting`);
      const program = `example-${manifest.name.replace('/', '-')}-${index}.ts`;
      writeFileSync(join(project, program), programOf(code, setting));
      await execute(nodeBinary(project, Math.max(...NODE_VERSIONS)), ['--no-warnings', program], {
        cwd: project,
      });
    }
    lines.push(
      `${blocks.length} ${blocks.length === 1 ? 'example' : 'examples'} of ${manifest.name}'s README`,
    );
  }
  return lines;
}

/** The packed command line: its version, its help, and the demo, small, in a folder that has nothing in it. */
export async function runCommandLine(project: string): Promise<string[]> {
  const arcface = (...args: readonly string[]): string =>
    run(join(project, 'node_modules', '.bin', 'arcface'), args, project);
  arcface('--version');
  if (!arcface('demo', '--help').includes('Example:')) throw new Error('demo --help shows no example');
  const json = arcface(
    'demo',
    '--json',
    '--identities',
    '20',
    '--images-per-identity',
    '12',
    '--epochs',
    '1',
  );
  const { seconds, report } = JSON.parse(json) as { seconds: number; report: string };
  if (!existsSync(join(project, report)) || statSync(join(project, report)).size < 10_000)
    throw new Error(`The demo left no report at ${report}`);
  return [`arcface demo, with 20 people and one epoch, ${seconds} s`];
}

/** The packed command line finds the packed studio, and serves all that its page asks for. */
export async function serveStudio(project: string): Promise<string[]> {
  const program = spawn(
    join(project, 'node_modules', '.bin', 'arcface'),
    ['studio', '--no-open', '--port', '0', '--json'],
    { cwd: project, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let [printed, complaints] = ['', ''];
  program.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk;
  });
  try {
    for await (const chunk of program.stdout as AsyncIterable<Buffer>) {
      printed += chunk;
      if (printed.includes('\n')) break;
    }
    if (printed === '') throw new Error(`arcface studio printed no address:\n${complaints}`);
    const { address } = JSON.parse(printed) as { address: string };
    const page = await fetched(address);
    const parts = Array.from(page.matchAll(/(?:src|href)="\.\/([^"]+)"/g), ([, part]) => part!);
    if (parts.length < 2) throw new Error(`The page of the studio names no parts:\n${page}`);
    const places = [...parts, 'studio.json', 'sample/studio.json', 'sample/audit.jsonl', 'sample/train.rec'];
    for (const place of places) {
      if ((await fetched(new URL(place, address).href)) === '') throw new Error(`${place} is empty`);
    }
    return [`arcface studio serves its page, ${parts.length} parts of it, and the sample`];
  } finally {
    if (program.exitCode === null && program.kill('SIGINT')) await once(program, 'exit');
  }
}

async function fetched(address: string): Promise<string> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${new URL(address).pathname}: status ${response.status}`);
  return response.text();
}
