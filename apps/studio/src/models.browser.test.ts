/* Faces without an audit, and a network: judged in the browser, as the command line judges them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  type BackboneConfig,
  backboneToMxnet,
  createBackbone,
  exportParameters,
  serializeSafetensors,
} from '@arcface/backbones';
import type { AuditRow } from '@arcface/cleaner';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../cli/src/backend.ts';
import { runInProcess } from '../../cli/src/testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../../cli/src/testing/striped-faces.ts';
import { launchBrowser, noBrowser, type TestBrowser } from './testing/browser.ts';
import { builtStudio } from './testing/built-studio.ts';
import { hostFiles } from './testing/static-host.ts';

let browser: TestBrowser;
let host: Awaited<ReturnType<typeof hostFiles>>;
let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);

/** Its arrays say for which size of images it is; those of MXNet do not, and are for 112 pixels as all of the reference's. */
const SMALL = {
  network: 'iresnet18',
  blocks: [1, 2, 1, 1],
  filters: [16, 16, 16, 32, 32],
  embeddingSize: 16,
  inputSize: SIDE,
} satisfies BackboneConfig;
const FOR_MXNET = {
  ...SMALL,
  blocks: [1, 1, 1, 1],
  filters: [8, 8, 8, 16, 16],
  inputSize: 112,
} satisfies BackboneConfig;

async function arcface(...args: string[]): Promise<void> {
  const { exitCode, stderr } = await runInProcess(...args, '--json');
  expect(stderr).not.toMatch(/^error/m);
  expect(exitCode).toBe(0);
}

const rowsOf = (text: string): AuditRow[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

beforeAll(async () => {
  if (noBrowser) return;
  folder = mkdtempSync(join(tmpdir(), 'arcface-studio-models-'));
  await writeStripedFaces(at('faces'), { identities: 5, images: 8 });
  await enlargeFaces(at('faces'), at('large-faces'));
  await useBackend({ backend: 'onnxruntime', threads: 1 });
  const small = createBackbone(SMALL);
  writeFileSync(
    at('torch.safetensors'),
    serializeSafetensors({
      tensors: exportParameters(small, { prefixes: false }),
      metadata: { format: 'pt' },
    }),
  );
  small.dispose();
  const forMxnet = createBackbone(FOR_MXNET);
  const { symbol, params } = backboneToMxnet(forMxnet);
  forMxnet.dispose();
  writeFileSync(at('mx-symbol.json'), symbol);
  writeFileSync(at('mx-0000.params'), params);
  const torch = at('torch.safetensors');
  await arcface('model', 'convert', torch, '--to', 'safetensors', '--output', at('face.safetensors'));
  await arcface('model', 'export', torch, '--format', 'onnx', '--output', at('face.onnx'));
  await arcface('embed', '--data', at('faces'), '--model', at('face.onnx'), '--output', at('faces.npy'));
  for (const [data, model, output] of [
    ['faces', 'face.onnx', 'audit.jsonl'],
    ['large-faces', 'mx,0', 'audit-mx.jsonl'],
  ] as const) {
    const audit = ['--rule', 'auto', '--output', at(output)];
    await arcface('audit', '--data', at(data), '--model', at(model), ...audit);
  }
  host = await hostFiles(await builtStudio());
  browser = await launchBrowser({ flags: ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'] });
});
afterAll(async () => {
  await browser?.close();
  await host?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** The same faces in the size that a network of MXNet takes: scaling is not what is compared. */
async function enlargeFaces(from: string, to: string): Promise<void> {
  const { inputSize } = FOR_MXNET;
  for (const name of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.jpg')) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true });
    const image = sharp(join(from, name)).resize(inputSize, inputSize, { kernel: 'nearest' });
    await image.jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toFile(join(to, name));
  }
}

/** A page with faces, which waits for something to judge them with. */
async function withFaces(query = '', faces = 'faces'): Promise<Page> {
  const page = await browser.context.newPage();
  await page.goto(host.address + query);
  await page.getByLabel('Folder to open').setInputFiles(at(faces));
  await page.getByText('These faces have no audit yet.').waitFor();
  return page;
}

const WASM = '?backend=wasm';

describe.skipIf(noBrowser)(`an audit made in a browser${noBrowser ? ` (${noBrowser})` : ''}`, () => {
  it.each([
    ['WebGPU (in software)', ['face.safetensors'], '', /by webgpu/, 'audit.jsonl'],
    ['WebAssembly', ['face.safetensors'], WASM, /by wasm/, 'audit.jsonl'],
    ["PyTorch's arrays", ['torch.safetensors'], WASM, /by wasm/, 'audit.jsonl'],
    ["MXNet's two files", ['mx-symbol.json', 'mx-0000.params'], WASM, /by wasm/, 'audit-mx.jsonl'],
    ['ONNX Runtime', ['face.onnx'], '', /ONNX Runtime/, 'audit.jsonl'],
    ['nothing, from saved embeddings', ['faces.npy'], '', /saved embeddings/, 'audit.jsonl'],
  ])('by %s is the one of the command line', async (_, model, query, computedBy, audit) => {
    const page = await withFaces(query, audit === 'audit-mx.jsonl' ? 'large-faces' : 'faces');
    await page.getByLabel('Files to open').setInputFiles(model.map((name) => at(name)));
    await page.locator('a.line').first().waitFor();
    await page.getByRole('link', { name: 'Export' }).click();
    await page.getByText(computedBy).waitFor();
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save audit.jsonl' }).click();
    const found = rowsOf(readFileSync(await (await saved).path(), 'utf8'));
    const expected = rowsOf(readFileSync(at(audit), 'utf8'));
    expect(found.map(({ key, label }) => [key, label])).toEqual(
      expected.map(({ key, label }) => [key, label]),
    );
    // JPEGs are decoded and scaled by other programs there: a little is left of that, next to how far faces are apart.
    const middle = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;
    const apart = middle(found.map(({ angle }, i) => Math.abs(angle - expected[i]!.angle)));
    expect(apart).toBeLessThan(Math.min(1, 0.1 * middle(expected.map(({ angle }) => angle))));
    const agree = found.filter(({ decision }, i) => decision === expected[i]!.decision).length;
    expect(agree / found.length).toBeGreaterThanOrEqual(0.9);
    await page.close();
  });

  it('says what is wrong with files that judge nothing, and the faces wait for others', async () => {
    const page = await withFaces();
    const wrong: readonly (readonly [name: string, content: string | Uint8Array, message: RegExp])[] = [
      ['face.onnx', 'not a network', /^face\.onnx: /],
      ['mx-0000.params', 'x', /is two files: add mx-symbol\.json, too\.$/],
      ['face.pth', 'x', /^face\.pth is not read: a pickle .* \.safetensors\.$/],
      ['notes.txt', 'x', /^notes\.txt is neither an audit, a network nor embeddings\.$/],
      [
        'w.safetensors',
        serializeSafetensors({ tensors: [], metadata: { format: 'pt' } }),
        /^w\.safetensors: /,
      ],
      ['e.npy', 'x', /^e\.npy: it is no \.npy file\.$/],
      ['audit.jsonl', '{"key":1}\n', /^audit\.jsonl: row 1: label must be/],
    ];
    for (const [name, content, message] of wrong) {
      const buffer = Buffer.from(content);
      await page.getByLabel('Files to open').setInputFiles({ name, mimeType: '', buffer });
      await page.getByRole('alert').filter({ hasText: message }).waitFor();
      await page.getByText('These faces have no audit yet.').waitFor();
    }
    await page.getByLabel('Files to open').setInputFiles(at('faces.npy'));
    await page.locator('a.line').first().waitFor();
    await page.close();
  });
});
