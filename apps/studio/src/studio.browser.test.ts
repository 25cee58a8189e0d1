/*
 * The studio in a real browser, as it is published: open, drag, triage, reload, export, apply; what two people decided; no network;
 * nobody locked out.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Download, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decisionsStore } from '../../cli/src/studio/decisions-store.ts';
import { studioFiles } from '../../cli/src/studio/studio-data.ts';
import { type StudioServer, startStudioServer } from '../../cli/src/studio/studio-server.ts';
import { runInProcess } from '../../cli/src/testing/run-in-process.ts';
import { launchBrowser, noBrowser, type TestBrowser } from './testing/browser.ts';
import { type BuiltStudio, buildStudio } from './testing/built-studio.ts';
import { writeLargeAudit } from './testing/large-audit.ts';
import { hostFiles } from './testing/static-host.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let built: BuiltStudio;
let browser: TestBrowser;
let folder: string;
const servers: { close(): Promise<void> }[] = [];
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  if (noBrowser) return;
  folder = mkdtempSync(join(tmpdir(), 'arcface-studio-test-'));
  built = await buildStudio({ sample: true });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await Promise.all(servers.map((server) => server.close()));
  built?.remove();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** As `arcface studio --data sample --audit sample/audit.jsonl` serves it. */
async function serve(
  options: { readonly decisions?: string; readonly mask?: boolean } = {},
): Promise<StudioServer> {
  const { decisions, mask = false } = options;
  const server = await startStudioServer({
    app: built.app,
    files: studioFiles({
      records: `${built.app}sample/train.rec`,
      images: false,
      title: 'sample',
      audit: `${built.app}sample/audit.jsonl`,
      mask,
      decisions: decisions !== undefined,
    }),
    images: undefined,
    decisions: decisions === undefined ? undefined : decisionsStore(decisions),
    port: 0,
  });
  servers.push(server);
  return server;
}

async function open(address: string): Promise<Page> {
  const page = await browser.context.newPage();
  page.on('pageerror', (error) => {
    throw error;
  });
  await page.goto(address);
  return page;
}

async function saved(page: Page): Promise<void> {
  await page
    .getByRole('status')
    .filter({ hasText: /^Saved$/ })
    .waitFor();
}

async function content(download: Download): Promise<Buffer> {
  return readFileSync(await download.path());
}

async function goneFaces(page: Page): Promise<number> {
  return Number(await page.locator('.tiles .go').textContent());
}

describe.skipIf(noBrowser)(`the studio in a browser${noBrowser ? ` (${noBrowser})` : ''}`, () => {
  it('opens, drags, triages, survives a reload, and exports what the command line makes of the same decisions', async () => {
    const review = at('review.json');
    const { address } = await serve({ decisions: review });
    const page = await open(address);
    const slider = page.getByRole('slider');
    await slider.waitFor();
    expect(await goneFaces(page)).toBe(183);

    // By pointer, then by keyboard.
    const plot = (await page.locator('.histogram').boundingBox())!;
    await page.mouse.move(plot.x + plot.width / 2, plot.y + plot.height / 2);
    await page.mouse.down();
    await page.mouse.move(plot.x + plot.width / 3, plot.y + plot.height / 2, { steps: 4 });
    await page.mouse.up();
    const dragged = Number(await slider.getAttribute('aria-valuenow'));
    expect(dragged).toBeGreaterThan(40);
    expect(await goneFaces(page)).toBeGreaterThan(183);
    await slider.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('PageDown');
    for (let i = 0; i < 13; i++) await page.keyboard.press('PageDown');
    await page.keyboard.press('ArrowRight');
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/^\d+\.5°\. \d+ faces of 768 go$/);

    // The first identity of the list is the most suspicious one.
    await page.locator('a.line').first().click();
    const faces = page.getByRole('listbox');
    await faces.getByRole('option').first().waitFor();
    await page.locator('.face-drawn').first().waitFor();
    const first = await faces.getByRole('option').first().getAttribute('aria-label');
    await page.keyboard.press('d');
    await page.keyboard.press('k');
    await page.keyboard.press('r');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    expect(await page.locator('.selected').textContent()).toBe('3 selected');
    await page.keyboard.press('d');
    await page.keyboard.press('d');
    await page.keyboard.press('z');
    await saved(page);
    const before = await page.locator('.counter').textContent();
    expect(before).toBe('6');
    const decided = faces.getByRole('option', { name: 'decided by you' });
    expect(await decided.count()).toBe(6);
    expect(await decided.first().getAttribute('aria-label')).toContain(first!.split(',')[0]);

    await page.reload();
    await faces.getByRole('option').first().waitFor();
    expect(await page.locator('.counter').textContent()).toBe('6');
    expect(await faces.getByRole('option', { name: 'decided by you' }).count()).toBe(6);

    // The file that was saved on the way, and the one that is exported, say the same.
    await page.getByRole('link', { name: /^Decisions/ }).click();
    const exported = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export review.json' }).click();
    expect(await content(await exported)).toEqual(readFileSync(review));

    for (const layout of ['insightface', 'flat'] as const) {
      await page.getByRole('link', { name: 'Export' }).click();
      if (layout === 'flat') await page.getByRole('radio', { name: /Flat/ }).check();
      const files = new Map<string, Download>();
      page.on('download', (download) => files.set(download.suggestedFilename(), download));
      await page.getByRole('button', { name: 'Download the files' }).click();
      await page.locator('.done').waitFor();
      await expect.poll(() => [...files.keys()].sort()).toEqual(['property', 'train.idx', 'train.rec']);
      page.removeAllListeners('download');

      const { exitCode, stderr } = await runInProcess(
        ...['drop', '--data', `${built.app}sample`, '--audit', `${built.app}sample/audit.jsonl`],
        ...['--decisions', review, '--output', at(layout), '--layout', layout],
      );
      expect(stderr).not.toMatch(/^error/m);
      expect(exitCode).toBe(0);
      for (const [name, download] of files) {
        expect((await content(download)).equals(readFileSync(join(at(layout), name))), name).toBe(true);
      }
    }
    await page.close();
  });

  it('merges what two people decided, and lets somebody settle where they differ', async () => {
    const { address } = await serve();
    const page = await open(address);
    await page.locator('a.line').first().click();
    await page.getByRole('option').first().waitFor();
    await page.keyboard.press('d');
    await page.keyboard.press('d');
    const keys = await page
      .getByRole('option', { name: 'decided by you' })
      .evaluateAll((options) =>
        options.map((option) => Number(option.getAttribute('aria-label')!.match(/^Face (\d+)/)![1])),
      );
    const theirs = [
      { format: 'arcface-decisions', version: 1, reviewer: 'Grace' },
      { key: keys[0], decision: 'keep' },
      { key: keys[1], decision: 'drop' },
      { key: 1, decision: 'drop' },
      { key: 'nobody.jpg', decision: 'drop' },
    ];
    writeFileSync(at('grace.json'), theirs.map((row) => `${JSON.stringify(row)}\n`).join(''));
    await page.getByRole('link', { name: /^Decisions/ }).click();
    await page.getByLabel('Import or merge…').last().setInputFiles(at('grace.json'));
    const merged = page.locator('section', { hasText: 'From grace.json' });
    expect(await merged.getByRole('status').textContent()).toBe(
      '1 decision taken over. 1 decision left out: no such face or identity in this audit. 1 face decided differently:',
    );
    await merged.getByRole('button', { name: 'Grace: keep' }).click();
    expect(await merged.getByRole('status').textContent()).toMatch(/Nothing to settle/);
    await expect.poll(() => page.locator('.decision .words-keep').count()).toBe(1);
    expect(await page.locator('.decision .words-drop').count()).toBe(2);

    writeFileSync(at('damaged.json'), '{"key":1}\n');
    await page.getByLabel('Import or merge…').last().setInputFiles(at('damaged.json'));
    expect(await page.getByRole('alert').textContent()).toBe(
      'damaged.json, line 1: decision must be keep, drop or relabel, found undefined.',
    );
    await page.close();
  });

  it('asks for nothing outside its own place, and could not', async () => {
    const { address } = await serve();
    const asked: string[] = [];
    const record = (request: { url(): string }): number => asked.push(request.url());
    browser.context.on('request', record);
    const page = await open(address);
    for (const view of ['identity/5', 'decisions', 'export', 'overview']) {
      await page.goto(`${address}#/${view}`);
      await page.locator('#main').waitFor();
    }
    const refused = await page.evaluate(async () => {
      const violations: string[] = [];
      document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) =>
        violations.push(effectiveDirective),
      );
      await fetch('https://example.com/').catch(() => undefined);
      const image = new Image();
      image.src = 'https://example.com/pixel.png';
      const script = document.createElement('script');
      script.textContent = 'globalThis.injected = true';
      document.head.append(script);
      await new Promise((resolve) => setTimeout(resolve, 300));
      // The page and the server each forbid it.
      return { violations: [...new Set(violations)].sort(), injected: 'injected' in globalThis };
    });
    expect(refused).toEqual({ violations: ['connect-src', 'img-src', 'script-src-elem'], injected: false });
    browser.context.off('request', record);
    const elsewhere = asked.filter((url) => !url.startsWith(address) && !url.startsWith('blob:'));
    expect(elsewhere.filter((url) => !url.startsWith('https://example.com/'))).toEqual([]);
    await page.close();
  });

  it('locks nobody out: axe finds nothing, in any view, in either theme, on a phone', async () => {
    const { address } = await serve();
    const page = await open(address);
    await page.locator('a.line').first().waitFor();
    const found: string[] = [];
    for (const [theme, width] of [
      ['light', 1280],
      ['dark', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme: theme });
      await page.setViewportSize({ width, height: 860 });
      for (const view of ['overview', 'identity/5', 'decisions', 'export', 'help', 'start']) {
        if (view === 'help') await page.keyboard.press('?');
        else if (view === 'start') {
          await page.keyboard.press('Escape');
          await page.goto(`${address}#/overview`);
          await page.evaluate(() =>
            document.querySelector<HTMLButtonElement>('[aria-label^="Close"]')?.click(),
          );
          await page.getByRole('button', { name: /sample/ }).waitFor();
        } else await page.goto(`${address}#/${view}`);
        if (view === 'identity/5') {
          await page.locator('.face-drawn').first().waitFor();
          await page.keyboard.press('d');
        }
        await page.evaluate(axe);
        const violations = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
          const { violations } = await axe.run();
          return violations.map(
            ({ id, impact, nodes }) => `${id} (${impact}): ${nodes[0]!.html.slice(0, 120)}`,
          );
        });
        found.push(...violations.map((violation) => `${theme} ${view}: ${violation}`));
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (overflow > 0) found.push(`${theme} ${view}: ${overflow} pixels too wide`);
      }
      await page.reload();
    }
    expect(found).toEqual([]);
    await page.close();
  });

  it('blurs faces with --mask', async () => {
    const contrast = async (mask: boolean): Promise<number> => {
      const { address } = await serve({ mask });
      const page = await open(`${address}#/identity/5`);
      await page.locator('.face-drawn').first().waitFor();
      const steps = await page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>('.face-drawn canvas')!;
        const { data, width } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        let largest = 0;
        for (let i = 4; i < data.length; i += 4) {
          if ((i / 4) % width > 0) largest = Math.max(largest, Math.abs(data[i]! - data[i - 4]!));
        }
        return largest;
      });
      await page.close();
      return steps;
    };
    expect(await contrast(false)).toBeGreaterThan(40);
    expect(await contrast(true)).toBeLessThan(12);
  });

  it('works on a static host, and without a network after the first visit', async () => {
    const host = await hostFiles(built.app);
    servers.push(host);
    const { address } = host;
    const page = await open(address);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    await page.getByRole('button', { name: 'Try the sample' }).click();
    await page.locator('a.line').first().waitFor();
    await browser.context.setOffline(true);
    try {
      await page.reload();
      await page.getByRole('button', { name: 'Try the sample' }).click();
      await page.locator('a.line').first().click();
      await page.locator('.face-drawn').first().waitFor();
    } finally {
      await browser.context.setOffline(false);
    }
    await page.close();
  });

  it('opens an audit of a million rows and ten thousand identities', async () => {
    const audit = at('audit.jsonl');
    await writeLargeAudit(audit, { rows: 1_000_000, identities: 10_000 });
    const host = await hostFiles(built.app);
    servers.push(host);
    const page = await open(host.address);
    await page.getByLabel('Files to open').setInputFiles(audit);
    await page.locator('a.line').first().waitFor();
    expect(await page.locator('.tiles .detail').first().textContent()).toMatch(/of 1,000,000$/);
    const slider = page.getByRole('slider');
    await slider.focus();
    await page.keyboard.press('ArrowLeft');
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/faces of 1,000,000 go$/);
    await page.close();
  });
});
