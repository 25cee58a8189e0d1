/**
 * Draws the pictures of docs/concepts.md from a finished demo: the histogram of angles, the sub-centres' shares, and a folder's faces.
 *
 *     npx pnpm demo && npx tsx tooling/site/draw-concepts.ts arcface-demo
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openFaceDataset } from '@arcface/recordio/node';
import sharp from 'sharp';

const [folder = 'arcface-demo'] = process.argv.slice(2);
const pictures = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));

interface Row {
  readonly key: number;
  readonly label: number;
  readonly subcenter: number;
  readonly dominant: number;
  readonly angle: number;
  readonly decision: 'keep' | 'drop' | 'unresolved';
  readonly bad: boolean;
}

/** Readable on a light and on a dark page. */
const [GOOD, BAD, TEXT, LINE] = ['#2f9e6e', '#d9622b', '#808890', '#80889055'];

const rows = auditRows();
writeFileSync(join(pictures, 'angles.svg'), anglesSvg());
writeFileSync(join(pictures, 'subcentres.svg'), subcentresSvg());
await drawFolder();

/** The audit, with the truth beside it: both have a row for each image, in data order. */
function auditRows(): Row[] {
  const truth = readFileSync(join(folder, 'data/truth.csv'), 'utf8').trim().split('\n');
  const bad = truth[0]!.split(',').indexOf('bad');
  const lines = readFileSync(join(folder, 'cleaned/audit.jsonl'), 'utf8').trim().split('\n');
  if (lines.length !== truth.length - 1) throw new Error('The audit and the truth are of different data');
  return lines.map((line, i) => ({ ...JSON.parse(line), bad: truth[i + 1]!.split(',')[bad] === '1' }) as Row);
}

function anglesSvg(): string {
  const [width, height, left, bottom, bin] = [760, 260, 44, 40, 2.5];
  const bins = Array.from({ length: 140 / bin }, () => ({ good: 0, bad: 0 }));
  for (const { angle, bad } of rows)
    bins[Math.min(bins.length - 1, Math.floor(angle / bin))]![bad ? 'bad' : 'good']++;
  const tallest = Math.max(...bins.map(({ good, bad }) => good + bad));
  const x = (degrees: number): number => left + ((width - left - 20) * degrees) / 140;
  const y = (count: number): number => height - bottom - ((height - bottom - 24) * count) / tallest;
  const bars = bins.map(({ good, bad }, i) => {
    const at = x(i * bin);
    const wide = x(bin) - x(0) - 1;
    return (
      rectangle(at, y(good), wide, y(0) - y(good), GOOD) +
      rectangle(at, y(good + bad), wide, y(good) - y(good + bad), BAD)
    );
  });
  const ticks = [0, 20, 40, 60, 80, 100, 120, 140].map((tick) =>
    text(x(tick), height - bottom + 16, `${tick}°`),
  );
  const line = `<line x1="${x(75)}" x2="${x(75)}" y1="14" y2="${y(0)}" stroke="${TEXT}" stroke-dasharray="4 3"/>`;
  return svg('Histogram of angles to the dominant sub-centre', width, height, [
    ...bars,
    ...ticks,
    line,
    text(x(75) - 6, 14, 'kept', 'end'),
    text(x(75) + 6, 14, 'dropped from 75°', 'start'),
    ...legend(left + 10),
    text(width / 2, height - 6, 'angle to the dominant sub-centre of the label'),
  ]);
}

/** For each rank of sub-centre (by number of images within its identity), how many images it has, and how many are wrong. */
function subcentresSvg(): string {
  const ranks = [0, 1, 2].map(() => ({ good: 0, bad: 0 }));
  const identities = grouped(rows, ({ label }) => label);
  for (const images of identities.values()) {
    const bySubcentre = [...grouped(images, ({ subcenter }) => subcenter).values()].sort(
      (a, b) => b.length - a.length,
    );
    for (const [rank, members] of bySubcentre.entries()) {
      for (const { bad } of members) ranks[rank]![bad ? 'bad' : 'good']++;
    }
  }
  const [width, left, row] = [760, 170, 44];
  const x = (count: number): number => left + ((width - left - 60) * count) / rows.length;
  const names = ['dominant sub-centre', 'second', 'third'];
  const bars = ranks.map(({ good, bad }, i) => {
    const y = 34 + i * row;
    const share =
      good + bad === 0 ? '' : `${good + bad} images, ${Math.round((100 * bad) / (good + bad))} % wrong`;
    return (
      rectangle(left, y, x(good) - left, 26, GOOD) +
      rectangle(x(good), y, x(good + bad) - x(good), 26, BAD) +
      text(left - 10, y + 18, names[i]!, 'end') +
      text(x(good + bad) + 8, y + 18, share, 'start')
    );
  });
  return svg('Images at each sub-centre, by whether their label is right', width, 34 + 3 * row, [
    ...bars,
    ...legend(left),
  ]);
}

/** The identity whose share of wrong labels is nearest to all the data's, as a sheet of its faces. */
async function drawFolder(): Promise<void> {
  const identities = [
    ...grouped(
      rows.map((row, position) => ({ ...row, position })),
      ({ label }) => label,
    ).values(),
  ];
  const share = (images: readonly Row[]): number => images.filter(({ bad }) => bad).length / images.length;
  const overall = share(rows);
  const distance = (images: readonly Row[]): number => Math.abs(share(images) - overall);
  const chosen = identities.reduce((best, images) => (distance(images) < distance(best) ? images : best));
  const [tile, gap, columns] = [72, 8, 10];
  const dataset = await openFaceDataset(join(folder, 'data/train.rec'));
  const tiles = await Promise.all(
    chosen.map(async ({ position, bad, decision }, i) => {
      const { bytes } = await dataset.read(position);
      const stroke = bad
        ? `<rect x="2" y="2" width="${tile - 4}" height="${tile - 4}" fill="none" stroke="${BAD}" stroke-width="4"/>`
        : '';
      const strike =
        decision === 'drop'
          ? `<line x1="6" y1="${tile - 6}" x2="${tile - 6}" y2="6" stroke="#222" stroke-width="3"/>`
          : '';
      const marks = Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" width="${tile}" height="${tile}">${stroke}${strike}</svg>`,
      );
      const input = await sharp(bytes)
        .resize(tile, tile)
        .composite([{ input: marks }])
        .png()
        .toBuffer();
      return {
        input,
        left: gap + (i % columns) * (tile + gap),
        top: gap + Math.floor(i / columns) * (tile + gap),
      };
    }),
  );
  await dataset.close();
  const height = gap + Math.ceil(chosen.length / columns) * (tile + gap);
  await sharp({ create: { width: gap + columns * (tile + gap), height, channels: 3, background: '#ffffff' } })
    .composite(tiles)
    .png({ palette: true })
    .toFile(join(pictures, 'noise.png'));
}

function grouped<T>(items: readonly T[], key: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function legend(x: number): string[] {
  return [
    rectangle(x, 6, 12, 12, GOOD),
    text(x + 18, 16, 'label right', 'start'),
    rectangle(x + 110, 6, 12, 12, BAD),
    text(x + 128, 16, 'label wrong', 'start'),
  ];
}

function rectangle(x: number, y: number, width: number, height: number, fill: string): string {
  if (width <= 0 || height <= 0) return '';
  return `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${fill}"/>`;
}

function text(x: number, y: number, content: string, anchor = 'middle'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${TEXT}" font-family="sans-serif" font-size="13">${content}</text>`;
}

function svg(title: string, width: number, height: number, parts: readonly string[]): string {
  const frame = `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" fill="none" stroke="${LINE}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}">\n<title>${title}</title>\n${[frame, ...parts].filter(Boolean).join('\n')}\n</svg>\n`;
}
