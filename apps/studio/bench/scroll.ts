/**
 * How smoothly an identity of many faces scrolls: `tsx bench/scroll.ts [FACES]`, after a build. In a real browser without a GPU, the faces
 * of the sample over and over in one record file, read by ranges, scrolled at three speeds. Prints JSON
 * lines.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFaceDataset, writeFaceDataset } from '@arcface/recordio/node';
import { studioFiles } from '../../cli/src/studio/studio-data.ts';
import { startStudioServer } from '../../cli/src/studio/studio-server.ts';
import { launchBrowser } from '../src/testing/browser.ts';
import { writeLargeAudit } from '../src/testing/large-audit.ts';

const [faces = 100_000] = process.argv.slice(2).map(Number);
const SPEEDS = [1200, 6000, 60_000];
const SECONDS = 4;

const folder = mkdtempSync(join(tmpdir(), 'arcface-scroll-'));
const app = fileURLToPath(new URL('../dist/', import.meta.url));
const sample = await openFaceDataset(join(app, 'sample', 'train.rec'));
/** The sample's faces, over and over. */
async function* repeated(): AsyncGenerator<{ label: number; bytes: Uint8Array }> {
  for (let i = 0; i < faces; i++) yield { label: 0, bytes: (await sample.read(i % sample.length)).bytes };
}
await writeFaceDataset({ images: repeated(), directory: join(folder, 'data'), layout: 'insightface' });
await sample.close();
const audit = join(folder, 'audit.jsonl');
await writeLargeAudit(audit, { rows: faces, identities: 1 });
const files = studioFiles({
  records: join(folder, 'data', 'train.rec'),
  images: false,
  title: 'one identity',
  audit,
  mask: false,
  decisions: false,
});
const server = await startStudioServer({ app, files, images: undefined, decisions: undefined, port: 0 });
const browser = await launchBrowser();
try {
  const page = await browser.context.newPage();
  await page.goto(server.address);
  await page.locator('a.line').first().click();
  await page.locator('.tile').first().waitFor();
  for (const pixelsASecond of SPEEDS) {
    // What a frame took is what lies between two calls of the browser's own clock of frames.
    const frames = await page.evaluate(
      async ({ speed, seconds }) => {
        const scroller = document.querySelector('.face-scroller')!;
        const taken: number[] = [];
        const begun = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
        let last = begun;
        while (last - begun < 1000 * seconds) {
          const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
          taken.push(now - last);
          scroller.scrollTop += (speed * (now - last)) / 1000;
          last = now;
        }
        return taken;
      },
      { speed: pixelsASecond, seconds: SECONDS },
    );
    const sorted = frames.toSorted((a, b) => a - b);
    const at = (share: number): number =>
      Math.round(10 * sorted[Math.floor(share * (sorted.length - 1))]!) / 10;
    console.log(
      JSON.stringify({
        faces,
        pixelsASecond,
        framesASecond: Math.round((10 * frames.length * 1000) / frames.reduce((sum, ms) => sum + ms, 0)) / 10,
        medianMilliseconds: at(0.5),
        p95Milliseconds: at(0.95),
        longestMilliseconds: at(1),
      }),
    );
  }
} finally {
  await browser.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}
