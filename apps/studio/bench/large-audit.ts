/**
 * How long the studio takes to open a large audit, and how much memory: `tsx bench/large-audit.ts [ROWS] [IDENTITIES]`, after a build.
 * In a real browser, from a file on the disk, without faces. Prints JSON.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { studioFiles } from '../../cli/src/studio/studio-data.ts';
import { startStudioServer } from '../../cli/src/studio/studio-server.ts';
import { launchBrowser } from '../src/testing/browser.ts';
import { writeLargeAudit } from '../src/testing/large-audit.ts';

const [rows = 1_000_000, identities = 10_000] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'arcface-large-'));
const path = join(folder, 'audit.jsonl');
await writeLargeAudit(path, { rows, identities });
const app = fileURLToPath(new URL('../dist/', import.meta.url));
const files = studioFiles({
  records: undefined,
  images: false,
  title: 'none',
  audit: undefined,
  mask: false,
  decisions: false,
});
const server = await startStudioServer({ app, files, images: undefined, decisions: undefined, port: 0 });
const browser = await launchBrowser();

/** Memory of the processes of the browser's pages, bytes: the largest of them. */
function largestRenderer(): number {
  let largest = 0;
  for (const process of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${process}/cmdline`, 'utf8');
      if (!command.includes('--type=renderer') || !command.includes('arcface-studio-')) continue;
      const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${process}/status`, 'utf8'))?.[1];
      largest = Math.max(largest, 1024 * Number(peak));
    } catch {
      // It has ended meanwhile.
    }
  }
  return largest;
}

try {
  const page = await browser.context.newPage();
  await page.goto(server.address);
  await page.getByRole('button', { name: /Try the sample/ }).waitFor();
  const input = page.getByLabel('Files to open');
  const begun = performance.now();
  await input.setInputFiles(path);
  await page.locator('a.line').first().waitFor();
  const seconds = (performance.now() - begun) / 1000;
  const slider = page.getByRole('slider');
  await slider.focus();
  const moves = 40;
  const dragged = performance.now();
  for (let i = 0; i < moves; i++) await page.keyboard.press('ArrowLeft');
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => resolve(undefined))));
  const perMove = (performance.now() - dragged) / moves;
  console.log(
    JSON.stringify({
      rows,
      identities,
      megabytes: Math.round(statSync(path).size / 1e6),
      openSeconds: Math.round(seconds * 100) / 100,
      peakRendererMegabytes: Math.round(largestRenderer() / 1e6),
      millisecondsPerThreshold: Math.round(perMove * 10) / 10,
    }),
  );
} finally {
  await browser.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}
