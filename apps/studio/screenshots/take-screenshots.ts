/**
 * Takes the pictures of the documentation: every view in both themes, of the sample with its drawn faces.
 * `tsx screenshots/take-screenshots.ts [FOLDER]`, after a build.
 */
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { studioFiles } from '../../cli/src/studio/studio-data.ts';
import { startStudioServer } from '../../cli/src/studio/studio-server.ts';
import { launchBrowser } from '../src/testing/browser.ts';

const folder = process.argv[2] ?? fileURLToPath(new URL('../../../docs/', import.meta.url));
const app = fileURLToPath(new URL('../dist/', import.meta.url));
const files = studioFiles({
  records: `${app}sample/train.rec`,
  images: false,
  title: 'Sample: drawn faces',
  audit: `${app}sample/audit.jsonl`,
  mask: false,
  decisions: false,
});
const server = await startStudioServer({ app, files, images: undefined, decisions: undefined, port: 0 });
const launch = () => launchBrowser({ viewport: { width: 1180, height: 740 } });
try {
  for (const theme of ['light', 'dark'] as const) {
    // A profile of its own: decisions are kept.
    const browser = await launch();
    const page = await browser.context.newPage();
    await page.emulateMedia({ colorScheme: theme });
    page.on('console', (message) => console.error(message.text()));
    page.on('pageerror', (error) => console.error(error));
    const shoot = async (name: string): Promise<void> => {
      const picture = sharp(await page.screenshot());
      // A palette is enough, and takes a quarter of the bytes.
      await picture.png({ palette: true, quality: 85 }).toFile(`${folder}/studio-${name}-${theme}.png`);
    };
    await page.goto(server.address);
    await page.getByRole('slider').waitFor();
    await page.getByRole('button', { name: /^Use auto/ }).click();
    await shoot('overview');
    await page
      .getByRole('link', { name: /^Identity \d+/ })
      .first()
      .click();
    await page.locator('[role=listbox][aria-busy=false] [role=option]').first().waitFor();
    await page.waitForTimeout(500);
    const press = async (key: string, times = 1): Promise<void> => {
      for (let i = 0; i < times; i++) await page.keyboard.press(key);
    };
    // A stranger that the threshold leaves in; a face that the audit places elsewhere; a few that stay after all.
    await press('ArrowRight', 13);
    await press('d');
    await page.getByRole('button', { name: /^Move the/ }).click();
    await page.getByRole('listbox').focus();
    await press('ArrowDown');
    await press('Shift+ArrowRight', 2);
    await shoot('identity');
    await page.getByRole('link', { name: /^Decisions/ }).click();
    await page.waitForTimeout(500);
    await shoot('decisions');
    await page.getByRole('link', { name: 'Export' }).click();
    await shoot('export');
    await page.getByRole('button', { name: /^Close/ }).click();
    await page.getByRole('button', { name: /Try the sample/ }).waitFor();
    await shoot('start');
    await browser.close();
  }
} finally {
  await server.close();
}
