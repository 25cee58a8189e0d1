/** A Chromium to test in: Debian's, without a head, with a profile of its own. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const executablePath = PATHS.find((path) => existsSync(path));

/** Why there is no test in a browser, if there is none. */
export const noBrowser = executablePath === undefined ? `there is no ${PATHS[0]}` : undefined;

const FLAGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface TestBrowser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

export async function launchBrowser(
  options: {
    readonly flags?: readonly string[];
    readonly viewport?: { readonly width: number; readonly height: number };
    readonly deviceScaleFactor?: number;
  } = {},
): Promise<TestBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'arcface-studio-'));
  const {
    flags = ['--disable-gpu'],
    viewport = { width: 1280, height: 860 },
    deviceScaleFactor = 1,
  } = options;
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executablePath!,
    headless: true,
    args: [...FLAGS, ...flags],
    viewport,
    deviceScaleFactor,
    acceptDownloads: true,
  });
  // A machine may be busy with other tests.
  context.setDefaultTimeout(90_000);
  return {
    context,
    async close() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
