/**
 * Takes the pictures of the documentation: every view in both themes, of the sample with its drawn faces.
 * `tsx screenshots/take-screenshots.ts [FOLDER]`, after a build.
 */
import { fileURLToPath } from 'node:url';
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
const browser = await launchBrowser({ viewport: { width: 1240, height: 800 } });
try {
  for (const theme of ['light', 'dark'] as const) {
    const page = await browser.context.newPage();
    await page.emulateMedia({ colorScheme: theme });
    page.on('console', (message) => console.error(message.text()));
    page.on('pageerror', (error) => console.error(error));
    const shoot = (name: string) => page.screenshot({ path: `${folder}/studio-${name}-${theme}.png` });
    await page.goto(server.address);
    await page.getByRole('slider').waitFor();
    const automatic = page.getByRole('button', { name: /^Use auto/ });
    // In the second theme the choice is there already: decisions are kept.
    if (await automatic.isEnabled()) await automatic.click();
    await shoot('overview');
    await page
      .getByRole('link', { name: /^Identity \d+/ })
      .first()
      .click();
    await page.locator('.face-drawn').nth(20).waitFor();
    await page.waitForTimeout(500);
    for (const key of ['k', 'd', 'ArrowRight', 'r', 'ArrowDown', 'Shift+ArrowRight', 'Shift+ArrowRight']) {
      await page.keyboard.press(key);
    }
    await page.getByRole('listbox').focus();
    await shoot('identity');
    await page.getByRole('link', { name: /^Decisions/ }).click();
    await page.waitForTimeout(500);
    await shoot('decisions');
    await page.getByRole('link', { name: 'Export' }).click();
    await shoot('export');
    await page.keyboard.press('?');
    await shoot('help');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^Close/ }).click();
    await page.getByRole('button', { name: /Try the sample/ }).waitFor();
    await shoot('start');
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}
