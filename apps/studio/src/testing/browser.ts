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
  // Containers give little shared memory.
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Milliseconds that anything may take: a machine may be busy with other tests. */
const PATIENCE = 300_000;

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
    timeout: PATIENCE,
  });
  context.setDefaultTimeout(PATIENCE);
  return {
    context,
    async close() {
      await context.close();
      // Chromium's processes end after it, and may still write.
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
    },
  };
}
