/*
 * The training of the agreement test in a headless Chromium, on navigator.gpu. Needs Chromium, and the packages that
 * tooling/webgpu/test.sh installs into the folder that ARCFACE_WEBGPU names.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { AGREEMENT, disagreement, runAgreementSteps } from '../../apps/cli/src/testing/agreement-steps.ts';
import { registerGradients } from '../test-backends/gradients.ts';

const packages = process.env.ARCFACE_WEBGPU;
const chromium = '/usr/bin/chromium';
const obstacle = !packages
  ? 'ARCFACE_WEBGPU names no folder with the packages: see tooling/webgpu/test.sh'
  : existsSync(chromium)
    ? undefined
    : `there is no ${chromium}`;

/** The part of playwright-core that is used. */
interface Playwright {
  readonly chromium: {
    launchPersistentContext(
      profile: string,
      options: { executablePath: string; headless: boolean; timeout: number; args: string[] },
    ): Promise<{
      newPage(): Promise<{
        goto(address: string): Promise<unknown>;
        evaluate<T>(expression: string): Promise<T>;
      }>;
      close(): Promise<void>;
    }>;
  };
}

async function bundle(): Promise<string> {
  const ours = createRequire(import.meta.url);
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('browser-page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    mainFields: ['module', 'browser', 'main'],
    nodePaths: [join(packages!, 'node_modules')],
    // One copy, whoever asks for it.
    alias: { '@tensorflow/tfjs-core': join(ours.resolve('@tensorflow/tfjs-core/package.json'), '..') },
  });
  return outputFiles[0]!.text;
}

it.skipIf(obstacle)(
  `the same training in a browser agrees with tfjs itself to 1e-4${obstacle ? ` (${obstacle})` : ''}`,
  async () => {
    registerGradients();
    await tf.setBackend('cpu');
    const expected = await runAgreementSteps();

    const script = await bundle();
    const server = createServer((request, response) => {
      const page = request.url === '/page.js' ? script : '<!doctype html><script src="/page.js"></script>';
      response.setHeader('content-type', request.url === '/page.js' ? 'text/javascript' : 'text/html');
      response.end(page);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const profile = mkdtempSync(join(tmpdir(), 'arcface-chromium-'));
    const playwright = createRequire(join(packages!, 'package.json'))('playwright-core') as Playwright;
    const browser = await playwright.chromium.launchPersistentContext(profile, {
      executablePath: chromium,
      headless: true,
      timeout: 240_000,
      args: [
        '--no-sandbox',
        '--disable-quic',
        '--disable-dev-shm-usage',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--enable-unsafe-webgpu',
        '--use-webgpu-adapter=swiftshader',
      ],
    });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      const found = await page.evaluate<{ losses: number[]; parameters: number[]; leaked: number }>(
        'train()',
      );
      expect(found.leaked).toBe(0);
      const parameters = Float32Array.from(found.parameters);
      expect(disagreement({ ...found, parameters }, expected)).toBeLessThan(AGREEMENT);
    } finally {
      await browser.close();
      server.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    }
  },
);
