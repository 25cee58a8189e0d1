/**
 * Writes docs/backends.md: what each backend of the command line does on the machine at hand. A backend that is not here
 * gets a row that says why.
 *
 *     npx tsx tooling/backends-table/table.ts [--threads 2] [--batch-size 16] [--steps 5] [--torch PYTHON] [--patience 90] [--note TEXT]
 *
 * `--torch` names a python that has PyTorch: its row comes beside. `--note` is printed below the table, for
 * what a reader should know about the machine. tooling/tfjs-node and tooling/webgpu say how to get
 * the other backends; op-suite.ts runs tfjs-core's specs on them and keeps the counts for this table.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, homedir, platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type AgreementSteps, disagreement } from '../../apps/cli/src/testing/agreement-steps.ts';
import { failureSummary, readSuiteCounts, suiteCell } from './suite-counts.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** For the small network, which takes seconds but on a GPU in software. */
const AGREEMENT_MS = 300_000;

// What tooling/webgpu/test.sh installs and uses, unless told otherwise: Dawn's packages, and Chromium's driver where there is no GPU.
const { env } = process;
const installed = join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'arcface/webgpu');
if (existsSync(installed)) env.ARCFACE_WEBGPU ??= installed;
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (existsSync(swiftShader) && !existsSync('/dev/dri')) env.VK_ICD_FILENAMES ??= swiftShader;

const { values } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    'batch-size': { type: 'string', default: '16' },
    steps: { type: 'string', default: '5' },
    torch: { type: 'string' },
    // Seconds, for a backend on a processor or a real GPU.
    patience: { type: 'string', default: '90' },
    note: { type: 'string', default: '' },
  },
});
const { threads, 'batch-size': batch, steps } = values;
const patienceMs = 1000 * Number(values.patience);

/** What a program printed, or why it printed nothing. */
function run(
  command: string,
  args: readonly string[],
  milliseconds = patienceMs,
): string | { readonly failure: string } {
  const { status, stdout, stderr, signal } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    timeout: milliseconds,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 26,
  });
  if (signal !== null) return { failure: `not done in ${milliseconds / 1000} s` };
  const reason =
    stderr?.match(/error: (?:--backend \S+)?:? ?(?:cannot be used: )?(.+)/)?.[1] ?? `exit code ${status}`;
  return status === 0 ? stdout : { failure: reason.split(/[.;:] /)[0]! };
}

interface Bench {
  readonly imagesPerSecond: number;
  readonly peakRssBytes: number;
}

/** A step of the usual size takes an hour on a GPU in software: one image, one step behind the two that warm up. */
const inSoftware = { batch: '1', steps: '1', milliseconds: 1_200_000 } as const;

function isInSoftware(backend: string): boolean {
  return backend.endsWith('webgpu') && /swiftshader|lvp/.test(env.VK_ICD_FILENAMES ?? '');
}

function bench(backend: string, ...more: string[]): Bench | { readonly failure: string } {
  const size = isInSoftware(backend) ? inSoftware : { batch, steps, milliseconds: patienceMs };
  const given = ['--json', '--backend', backend, '--threads', threads];
  const sized = ['--batch-size', size.batch, '--steps', size.steps];
  const command = ['--import', 'tsx', 'apps/cli/src/main.ts', 'bench', ...given, ...sized, ...more];
  const printed = run(process.execPath, command, size.milliseconds);
  return typeof printed === 'string' ? (JSON.parse(printed) as Bench) : printed;
}

function agreementSteps(backend: string): AgreementSteps | undefined {
  const program = 'apps/cli/src/testing/agreement-run.ts';
  const printed = run(process.execPath, ['--import', 'tsx', program, backend], AGREEMENT_MS);
  if (typeof printed !== 'string') return undefined;
  const found = JSON.parse(printed) as AgreementSteps | { readonly missing: string };
  return 'missing' in found ? undefined : { ...found, parameters: Float32Array.from(found.parameters) };
}

const plain = agreementSteps('cpu')!;

/** How far a few steps of training are from tfjs's plain backend. */
function gradients(backend: string): string {
  const found = agreementSteps(backend);
  return found === undefined ? '' : disagreement(found, plain).toExponential(0);
}

/** The counts of the last run of tfjs-core's own test-suite. Those of onnxruntime:cpu .ci/run holds to be true; op-suite.ts writes the others. */
function opSuite(backend: string): string {
  if (backend !== 'onnxruntime:cpu') {
    const found = readSuiteCounts()[backend];
    return found === undefined ? 'not run' : suiteCell(found);
  }
  const table = readFileSync(`${root}packages/tfjs-backend-onnxruntime/conformance/table.md`, 'utf8');
  const [, pass, lacks, differ] = table.match(/\*\*all\*\*\s*\|\s*(\d+)\s*\|\s*(\d+)\s*\|\s*(\d+)/)!;
  return `${pass} pass, ${lacks} do not apply, ${differ} differ`;
}

const figure = (backend: string, found: Bench | { readonly failure: string }): string => {
  if ('failure' in found) return found.failure;
  return isInSoftware(backend)
    ? `${found.imagesPerSecond.toPrecision(2)} (${inSoftware.batch} image, GPU in software)`
    : found.imagesPerSecond.toFixed(1);
};

function row(backend: string): string[] {
  const agreement = gradients(backend);
  const training = bench(backend);
  const first = [backend, opSuite(backend), agreement, figure(backend, training)];
  // Without the first answer there is no second to wait for.
  if ('failure' in training) return [...first, '', ''];
  const memory = `${(training.peakRssBytes / 1e6).toFixed(0)} MB`;
  return [...first, figure(backend, bench(backend, '--forward')), memory];
}

function torchRows(python: string): string[][] {
  const peer = (...more: string[]): string | { readonly failure: string } =>
    run(python, [
      'packages/tfjs-backend-onnxruntime/bench/pytorch_peer.py',
      ...['--network', 'mobilefacenet', '--format', 'channels_last', '--batch', batch, '--threads', threads],
      ...['--steps', steps, ...more],
    ]);
  const read = (printed: ReturnType<typeof peer>, key: string): number =>
    typeof printed === 'string' ? JSON.parse(printed.trim().split('\n').at(-1)!)[key] : Number.NaN;
  const training = peer();
  const forward = peer('--forward');
  return [
    [
      'PyTorch, CPU, channels_last',
      '',
      '',
      read(training, 'imagesPerSecond').toFixed(1),
      read(forward, 'imagesPerSecond').toFixed(1),
      `${read(training, 'peakRssMegabytes').toFixed(0)} MB`,
    ],
  ];
}

const backends = ['onnxruntime:cpu', 'onnxruntime:webgpu', 'onnxruntime:cuda', 'node', 'node-gpu', 'webgpu'];
const rows = [...backends.map(row), ...(values.torch === undefined ? [] : torchRows(values.torch))];
const command = `npx tsx tooling/backends-table/table.ts --threads ${threads} --batch-size ${batch} --steps ${steps}`;
const page = `# Backends

Written by \`${command}${values.torch === undefined ? '' : ' --torch PYTHON'}\` on ${cpus()[0]?.model.trim()}
(${cpus().length} processors, ${platform()} ${arch()}, Node ${process.versions.node}). Run it on yours.

| \`--backend\` | tfjs-core's op suite | training, off from tfjs's plain CPU | y1 training, images/s | y1 forward, images/s | peak memory in training |
| --- | --- | --- | --- | --- | --- |
${rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}

Batches of ${batch} images of 112x112, ${threads} threads, the median of ${steps} steps (PyTorch: the best of
them). The third column is the largest relative
difference in loss or parameters after three steps of a small network, which the tests hold below 1e-4.
${failureSummary(readSuiteCounts())}${values.note === '' ? '' : `\n${values.note}\n`}`;
writeFileSync(`${root}docs/backends.md`, page);
console.log(page);
