/*
 * The studio in a real browser, as it is published: open, drag, triage, reload, export, apply; what two people decided; no network;
 * nobody locked out.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditRow } from '@arcface/cleaner';
import type { Download, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decisionsStore } from '../../cli/src/studio/decisions-store.ts';
import { studioFiles } from '../../cli/src/studio/studio-data.ts';
import { type StudioServer, startStudioServer } from '../../cli/src/studio/studio-server.ts';
import { runInProcess } from '../../cli/src/testing/run-in-process.ts';
import { launchBrowser, noBrowser, type TestBrowser } from './testing/browser.ts';
import { builtStudio } from './testing/built-studio.ts';
import { writeLargeAudit } from './testing/large-audit.ts';
import { hostFiles } from './testing/static-host.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The built studio. */
let app: string;
let browser: TestBrowser;
let folder: string;
const servers: { close(): Promise<void> }[] = [];
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  if (noBrowser) return;
  folder = mkdtempSync(join(tmpdir(), 'arcface-studio-test-'));
  app = await builtStudio();
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await Promise.all(servers.map((server) => server.close()));
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** As `arcface studio --data sample --audit sample/audit.jsonl` serves it. */
async function serve(
  options: { readonly audit?: string; readonly decisions?: string; readonly mask?: boolean } = {},
): Promise<StudioServer> {
  const { audit = `${app}sample/audit.jsonl`, decisions, mask = false } = options;
  const server = await startStudioServer({
    app,
    files: studioFiles({
      records: `${app}sample/train.rec`,
      images: false,
      title: 'sample',
      audit,
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

/** All faces that are on the screen are there, and the keyboard is heard: they have the focus. */
async function drawn(page: Page): Promise<void> {
  await page.locator('[role=listbox][aria-busy=false]:focus [role=option]').first().waitFor();
}

async function content(download: Download): Promise<Buffer> {
  return readFileSync(await download.path());
}

/** The files that the page offers for download, by name. */
async function downloaded(page: Page): Promise<Map<string, Buffer>> {
  const names = ['property', 'train.idx', 'train.rec'];
  const downloads = names.map((name) =>
    page.waitForEvent('download', (download) => download.suggestedFilename() === name),
  );
  await page.getByRole('button', { name: 'Download the files' }).click();
  await page.locator('.done').waitFor();
  return new Map(
    await Promise.all(
      downloads.map(async (download, i) => [names[i]!, await content(await download)] as const),
    ),
  );
}

/** One command line at a time: they share this process. */
let lastCommand: Promise<unknown> = Promise.resolve();
let outputs = 0;

/** Runs a command that writes a folder. */
function arcface(...args: string[]): Promise<string> {
  const output = at(`output-${outputs++}`);
  const running = lastCommand.then(async () => {
    const { exitCode, stderr } = await runInProcess(...args, '--output', output);
    expect(stderr).not.toMatch(/^error/m);
    expect(exitCode).toBe(0);
    return output;
  });
  lastCommand = running.catch(() => undefined);
  return running;
}

async function goneFaces(page: Page): Promise<number> {
  return Number(await page.locator('.tiles .go').textContent());
}

describe.skipIf(noBrowser)(`the studio in a browser${noBrowser ? ` (${noBrowser})` : ''}`, () => {
  it.concurrent('opens, drags, triages, survives a reload, and exports what the command line makes of the same decisions', async () => {
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
    await drawn(page);
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
    await drawn(page);
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
      const files = await downloaded(page);
      const expected = await arcface(
        ...['drop', '--data', `${app}sample`, '--audit', `${app}sample/audit.jsonl`],
        ...['--decisions', review, '--layout', layout],
      );
      for (const [name, bytes] of files) {
        expect(bytes.equals(readFileSync(join(expected, name))), name).toBe(true);
      }
    }
    await page.close();
  });

  it.concurrent('merges what two people decided, and lets somebody settle where they differ', async () => {
    const { address } = await serve();
    const page = await open(address);
    await page.locator('a.line').first().click();
    await drawn(page);
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
    await page.locator('.decision .words-keep').waitFor();
    expect(await page.locator('.decision .words-drop').count()).toBe(2);

    writeFileSync(at('damaged.json'), '{"key":1}\n');
    await page.getByLabel('Import or merge…').last().setInputFiles(at('damaged.json'));
    expect(await page.getByRole('alert').textContent()).toBe(
      'damaged.json, line 1: decision must be keep, drop or relabel, found undefined.',
    );
    await page.close();
  });

  it.concurrent('writes into a folder, over nothing that is there, and leaves nothing of what failed', async () => {
    const page = await browser.context.newPage();
    // Where the user would pick a folder of theirs, one of the browser's own: it is written to by the same means.
    await page.addInitScript(() => {
      const picked = async () =>
        (await navigator.storage.getDirectory()).getDirectoryHandle('picked', { create: true });
      Object.assign(globalThis, { showDirectoryPicker: picked, picked });
    });
    const written = () =>
      page.evaluate(async () => {
        const { picked } = globalThis as unknown as { picked: () => Promise<FileSystemDirectoryHandle> };
        const files: [string, string][] = [];
        for (const name of ['identities.json', 'property', 'train.idx', 'train.rec']) {
          const handle = await (await picked()).getFileHandle(name).catch(() => undefined);
          if (handle === undefined) continue;
          const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
          files.push([name, Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')]);
        }
        return files;
      });
    const write = page.getByRole('button', { name: 'Write into a folder…' });

    // An audit that is not of this dataset: found out when files are open already.
    const host = await hostFiles(app);
    servers.push(host);
    await page.goto(host.address);
    const lines = readFileSync(`${app}sample/audit.jsonl`, 'utf8').split('\n');
    writeFileSync(at('audit-of-fewer.jsonl'), lines.slice(1).join('\n'));
    const data = ['train.rec', 'train.idx'].map((name) => `${app}sample/${name}`);
    await page.getByLabel('Files to open').setInputFiles([...data, at('audit-of-fewer.jsonl')]);
    await page.getByRole('link', { name: 'Export' }).click();
    await write.click();
    expect(await page.getByRole('alert').textContent()).toMatch(/767 rows, but the dataset has 768 images/);
    expect(await written()).toEqual([]);

    await page.getByRole('button', { name: /^Close/ }).click();
    await page.getByLabel('Files to open').setInputFiles([...data, `${app}sample/audit.jsonl`]);
    await page.getByRole('link', { name: 'Export' }).click();
    await write.click();
    await page.locator('.done').waitFor();
    const expected = await arcface('drop', '--data', `${app}sample`, '--audit', `${app}sample/audit.jsonl`);
    expect(await written()).toEqual(
      ['property', 'train.idx', 'train.rec'].map((name) => [
        name,
        readFileSync(join(expected, name)).toString('hex'),
      ]),
    );
    await write.click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toBe(
      'picked already holds a train.rec: choose another folder, nothing is written over.',
    );
    await page.close();
  });

  it.concurrent('shows and exports an audit that was made with --apply', async () => {
    const rows = readFileSync(`${app}sample/audit.jsonl`, 'utf8').trim().split('\n');
    const moved = rows.map((line, i) => {
      const row = JSON.parse(line) as AuditRow;
      if (row.decision === 'drop') return line;
      if (i % 29 === 0) return JSON.stringify({ ...row, rule: 'relabel', movedTo: (row.label + 1) % 32 });
      if (row.label === 3 && i % 4 === 0) return JSON.stringify({ ...row, rule: 'split', splitPerson: 1 });
      return row.label === 5 ? JSON.stringify({ ...row, rule: 'merge', movedTo: 9 }) : line;
    });
    const audit = at('audit-applied.jsonl');
    writeFileSync(audit, moved.join('\n'));
    const { address } = await serve({ audit });
    const page = await open(`${address}#/identity/9`);
    const faces = page.getByRole('listbox');
    await page.getByText('Moved here by the audit').waitFor({ state: 'attached' });
    await page.evaluate(() => {
      location.hash = '#/identity/5';
    });
    await faces.getByRole('option', { name: 'moves to Identity 9' }).first().waitFor();
    await page.evaluate(() => {
      location.hash = '#/identity/3';
    });
    await faces.getByRole('option', { name: 'moves to an identity of its own' }).first().waitFor();
    await page.getByRole('link', { name: 'Export' }).click();
    const files = await downloaded(page);
    const expected = await arcface('drop', '--data', `${app}sample`, '--audit', audit);
    for (const [name, bytes] of files) {
      expect(bytes.equals(readFileSync(join(expected, name))), name).toBe(true);
    }
    await page.close();
  });

  it.concurrent('asks for nothing outside its own place, and could not', async () => {
    const { address } = await serve();
    const asked: string[] = [];
    const record = (request: { url(): string }): number => asked.push(request.url());
    const page = await browser.context.newPage();
    page.on('request', record);
    await page.goto(address);
    for (const view of ['identity/5', 'decisions', 'export', 'overview']) {
      await page.goto(`${address}#/${view}`);
      await page.locator('#main').waitFor();
    }
    const refused = await page.evaluate(async () => {
      const violations = new Set<string>();
      const all = new Promise<void>((resolve) => {
        document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
          if (violations.add(effectiveDirective).size === 3) resolve();
        });
      });
      await fetch('https://example.com/').catch(() => undefined);
      const image = new Image();
      image.src = 'https://example.com/pixel.png';
      const script = document.createElement('script');
      script.textContent = 'globalThis.injected = true';
      document.head.append(script);
      // They are told when the page gets round to it.
      await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 60_000))]);
      // The page and the server each forbid it.
      return { violations: [...violations].sort(), injected: 'injected' in globalThis };
    });
    expect(refused).toEqual({ violations: ['connect-src', 'img-src', 'script-src-elem'], injected: false });
    const elsewhere = asked.filter((url) => !url.startsWith(address) && !url.startsWith('blob:'));
    expect(elsewhere.filter((url) => !url.startsWith('https://example.com/'))).toEqual([]);
    await page.close();
  });

  it.concurrent.each(['light', 'dark'] as const)(
    'locks nobody out: axe finds nothing in any view in the %s theme, on a desk or on a phone',
    async (theme) => {
      const { address } = await serve();
      const page = await open(address);
      await page.emulateMedia({ colorScheme: theme });
      await page.locator('a.line').first().waitFor();
      await page.evaluate(axe);
      const to = async (view: string): Promise<void> => {
        await page.evaluate((hash) => {
          location.hash = hash;
        }, `#/${view}`);
        await page.locator('#main').waitFor();
      };
      const views: Readonly<Record<string, () => Promise<void>>> = {
        overview: () => to('overview'),
        async identity() {
          await to('identity/5');
          await drawn(page);
          await page.keyboard.press('d');
        },
        decisions: () => to('decisions'),
        export: () => to('export'),
        async help() {
          await page.keyboard.press('?');
          await page.getByRole('dialog').waitFor();
        },
        async start() {
          await page.keyboard.press('Escape');
          await page.getByRole('button', { name: /^Close/ }).click();
          await page.getByRole('button', { name: /sample/ }).waitFor();
        },
        async fault() {
          const notes = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('x') };
          await page.getByLabel('Files to open').setInputFiles(notes);
          await page.getByRole('alert').waitFor();
        },
      };
      const found: string[] = [];
      for (const [view, show] of Object.entries(views)) {
        await show();
        for (const width of [1280, 390]) {
          await page.setViewportSize({ width, height: 860 });
          const violations = await page.evaluate(async () => {
            const { axe } = globalThis as unknown as { axe: typeof import('axe-core') };
            const { violations } = await axe.run({ resultTypes: ['violations'] });
            return violations.map(
              ({ id, impact, nodes }) => `${id} (${impact}): ${nodes[0]!.html.slice(0, 120)}`,
            );
          });
          found.push(...violations.map((violation) => `${view} at ${width}: ${violation}`));
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          if (overflow > 0) found.push(`${view} at ${width}: ${overflow} pixels too wide`);
        }
      }
      expect(found).toEqual([]);
      await page.close();
    },
  );

  it.concurrent('blurs faces with --mask', async () => {
    const contrast = async (mask: boolean): Promise<number[]> => {
      const { address } = await serve({ mask });
      const page = await open(`${address}#/identity/5`);
      await drawn(page);
      await page.locator('.beside .face-drawn').first().waitFor();
      const steps = await page.evaluate(() => {
        /** The largest step of red between two pixels side by side, in the middle of a face. */
        const steepest = (canvas: HTMLCanvasElement, [left, top, side]: [number, number, number]): number => {
          const { data } = canvas.getContext('2d')!.getImageData(left, top, side, side);
          let largest = 0;
          for (let i = 4; i < data.length; i += 4) {
            if ((i / 4) % side > 0) largest = Math.max(largest, Math.abs(data[i]! - data[i - 4]!));
          }
          return largest;
        };
        const [line, beside] = ['.face-line canvas', '.beside canvas'].map(
          (place) => document.querySelector<HTMLCanvasElement>(place)!,
        );
        return [steepest(line!, [15, 35, 60]), steepest(beside!, [10, 10, 70])];
      });
      await page.close();
      return steps;
    };
    for (const steps of await contrast(false)) expect(steps).toBeGreaterThan(40);
    for (const steps of await contrast(true)) expect(steps).toBeLessThan(12);
  });

  it.concurrent('opens an audit of a million rows and ten thousand identities', async () => {
    const audit = at('audit.jsonl');
    await writeLargeAudit(audit, { rows: 1_000_000, identities: 10_000 });
    const host = await hostFiles(app);
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

  // By itself: without a network is without one for all pages.
  it('works on a static host, and without a network after the first visit', async () => {
    const host = await hostFiles(app);
    servers.push(host);
    const { address } = host;
    const page = await open(address);
    // What the page reads from then on is kept.
    await page.evaluate(async () => {
      const { serviceWorker } = navigator;
      if (serviceWorker.controller !== null) return;
      await new Promise((resolve) => serviceWorker.addEventListener('controllerchange', resolve));
    });
    await page.getByRole('button', { name: 'Try the sample' }).click();
    await page.locator('a.line').first().waitFor();
    await browser.context.setOffline(true);
    try {
      await page.reload();
      await page.getByRole('button', { name: 'Try the sample' }).click();
      await page.locator('a.line').first().click();
      await drawn(page);
    } finally {
      await browser.context.setOffline(false);
    }
    await page.close();
  });
});
