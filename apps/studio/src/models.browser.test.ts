/* Faces without an audit, and a network: judged in the browser, as the command line judges them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditRow } from '@arcface/cleaner';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInProcess } from '../../cli/src/testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../../cli/src/testing/striped-faces.ts';
import { launchBrowser, noBrowser } from './testing/browser.ts';
import { type BuiltStudio, buildStudio } from './testing/built-studio.ts';
import { hostFiles } from './testing/static-host.ts';

let built: BuiltStudio;
let host: Awaited<ReturnType<typeof hostFiles>>;
let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);

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
  const network = ['--network', 'r8-narrow', '--embedding-size', '16', '--input-size', String(SIDE)];
  const short = ['--batch-size', '8', '--max-steps', '3', '--no-dynamics'];
  await arcface('train', '--data', at('faces'), '--output', at('run'), ...network, ...short);
  await arcface('model', 'convert', at('run'), '--to', 'safetensors', '--output', at('face.safetensors'));
  await arcface('model', 'export', at('run'), '--format', 'onnx', '--output', at('face.onnx'));
  await arcface('embed', '--data', at('faces'), '--model', at('face.onnx'), '--output', at('faces.npy'));
  // Without the sub-centres of the run: by the embeddings alone, as the browser judges.
  const audit = ['--rule', 'auto', '--output', at('audit.jsonl')];
  await arcface('audit', '--data', at('faces'), '--model', at('face.onnx'), ...audit);
  built = await buildStudio({ sample: false });
  host = await hostFiles(built.app);
});
afterAll(async () => {
  await host?.close();
  built?.remove();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const SWIFTSHADER = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

describe.skipIf(noBrowser)(`an audit made in a browser${noBrowser ? ` (${noBrowser})` : ''}`, () => {
  it.each([
    ['WebGPU (in software)', 'face.safetensors', SWIFTSHADER, '', /webgpu/],
    ['WebAssembly', 'face.safetensors', ['--disable-gpu'], '?backend=wasm', /wasm/],
    ['ONNX Runtime', 'face.onnx', ['--disable-gpu'], '', /ONNX Runtime/],
    ['nothing, from saved embeddings', 'faces.npy', ['--disable-gpu'], '', /saved embeddings/],
  ])('by %s is the one of the command line', async (_, model, flags, query, computedBy) => {
    const browser = await launchBrowser({ flags });
    try {
      const page = await browser.context.newPage();
      await page.goto(host.address + query);
      await page.getByLabel('Folder to open').setInputFiles(at('faces'));
      await page.getByText('These faces have no audit yet.').waitFor();
      await page.getByLabel('Files to open').setInputFiles(at(model));
      await page.locator('a.line').first().waitFor();
      await page.getByRole('link', { name: 'Export' }).click();
      await page.getByText(computedBy).waitFor();
      const saved = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Save audit.jsonl' }).click();
      const found = rowsOf(readFileSync(await (await saved).path(), 'utf8'));
      const expected = rowsOf(readFileSync(at('audit.jsonl'), 'utf8'));
      expect(found.map(({ key, label }) => [key, label])).toEqual(
        expected.map(({ key, label }) => [key, label]),
      );
      // JPEGs are decoded and scaled by other programs there: a little is left of that.
      const apart = found.map(({ angle }, i) => Math.abs(angle - expected[i]!.angle)).sort((a, b) => a - b);
      expect(apart[apart.length >> 1]).toBeLessThan(1);
      const agree = found.filter(({ decision }, i) => decision === expected[i]!.decision).length;
      expect(agree / found.length).toBeGreaterThanOrEqual(0.9);
    } finally {
      await browser.close();
    }
  });

  it('says what is wrong with a network that is none', async () => {
    const browser = await launchBrowser();
    try {
      const page = await browser.context.newPage();
      await page.goto(host.address);
      await page.getByLabel('Folder to open').setInputFiles(at('faces'));
      await page.getByText('These faces have no audit yet.').waitFor();
      const buffer = Buffer.from('not a network');
      await page.getByLabel('Files to open').setInputFiles({ name: 'face.onnx', mimeType: '', buffer });
      await page.getByRole('alert').waitFor();
      expect(await page.getByRole('alert').textContent()).toMatch(/^face\.onnx: /);
    } finally {
      await browser.close();
    }
  });
});
