/**
 * How smoothly an identity of many faces scrolls: `tsx bench/scroll.ts [FACES]`, after a build. In a real browser without a GPU, the faces
 * of the sample over and over in one record file, read by ranges, scrolled at three speeds; and beside it an empty page and one of as
 * many coloured boxes, which is what the browser itself does on this machine. Prints JSON lines.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFaceDataset, writeFaceDataset } from '@arcface/recordio/node';
import type { Page } from 'playwright-core';
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
  await measure(page, 'studio');
  // What the browser itself does here: nothing to decode, to draw or to decide, in a page of that height.
  for (const [what, boxes] of [
    ['an empty page', 0],
    ['a page of as many boxes', faces],
  ] as const) {
    await page.evaluate(fillPlainPage, { faces, boxes });
    await measure(page, what);
  }
} finally {
  await browser.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}

/** In the page: replaces all with a scroller as high as the grid of faces, with a coloured box in place of each face or nothing. */
function fillPlainPage({ faces, boxes }: { readonly faces: number; readonly boxes: number }): void {
  const columns = Math.floor((innerWidth - 420) / 104);
  const plain = document.createElement('div');
  plain.className = 'plain-scroller';
  plain.style.cssText =
    'width: calc(100vw - 400px); height: 80vh; overflow-y: scroll; background: #fff; contain: strict';
  const space = document.createElement('div');
  space.style.cssText = `position: relative; height: ${Math.ceil(faces / columns) * 128}px`;
  for (let i = 0; i < boxes; i++) {
    const box = document.createElement('div');
    box.style.cssText =
      `position: absolute; left: ${(i % columns) * 104 + 4}px; top: ${Math.floor(i / columns) * 128 + 4}px; ` +
      `width: 96px; height: 96px; background: hsl(${i % 360} 40% 80%)`;
    space.append(box);
  }
  plain.append(space);
  document.body.replaceChildren(plain);
}

/** Scrolls what is there at each speed, and prints how often it is drawn, and what that takes of the page's thread. */
async function measure(page: Page, what: string): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  // Of the processor's time, which says something on a busy machine, too.
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busySeconds = async (): Promise<number> => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };
  for (const pixelsASecond of SPEEDS) {
    const busyBefore = await busySeconds();
    // What a frame took is what lies between two calls of the browser's own clock of frames.
    // (No function has a name in here: the compiler would call a helper that the page does not have.)
    const { taken, blank } = await page.evaluate(
      async ({ speed, seconds }) => {
        const scroller = document.querySelector('.face-scroller, .plain-scroller')!;
        scroller.scrollTop = 0;
        await new Promise((resolve) => setTimeout(resolve, 500));
        const taken: number[] = [];
        let blank = 0;
        const begun = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
        let last = begun;
        while (last - begun < 1000 * seconds) {
          const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
          taken.push(now - last);
          scroller.scrollTop += (speed * (now - last)) / 1000;
          last = now;
          // Whether there are tiles in the middle of what is about to be seen: by what lines say of themselves, which lays nothing out.
          const lines = document.querySelectorAll<HTMLElement>('.face-line:not([hidden])');
          const tops = Array.from(lines, (line) =>
            Number(/translateY\((.*)px\)/.exec(line.style.transform)![1]),
          );
          const middle = scroller.scrollTop + 300;
          if (tops.length > 0 && !tops.some((top) => top <= middle && top + 128 >= middle)) blank++;
        }
        return { taken, blank };
      },
      { speed: pixelsASecond, seconds: SECONDS },
    );
    const busy = (await busySeconds()) - busyBefore;
    const sorted = taken.toSorted((a, b) => a - b);
    const at = (share: number): number =>
      Math.round(10 * sorted[Math.floor(share * (sorted.length - 1))]!) / 10;
    console.log(
      JSON.stringify({
        what,
        faces,
        pixelsASecond,
        framesASecond: Math.round((10 * taken.length * 1000) / taken.reduce((sum, ms) => sum + ms, 0)) / 10,
        medianMilliseconds: at(0.5),
        p95Milliseconds: at(0.95),
        longestMilliseconds: at(1),
        busyMillisecondsAFrame: Math.round((10_000 * busy) / taken.length) / 10,
        blankShare: Math.round((1000 * blank) / taken.length) / 1000,
      }),
    );
  }
}
