/** An audit of any size, as `arcface audit` would write it: by identity, three votes, a fifth of the faces strangers. */
import { open } from 'node:fs/promises';
import { seededRandom } from '@arcface/cleaner';

/** Faces that differ; a prime, so that they do not repeat with the identities. */
const DIFFERENT = 2003;
const ROWS_AT_A_TIME = 20_000;

export async function writeLargeAudit(
  path: string,
  { rows, identities }: { readonly rows: number; readonly identities: number },
): Promise<void> {
  const faces = drawnFaces();
  const file = await open(path, 'w');
  try {
    for (let from = 0; from < rows; from += ROWS_AT_A_TIME) {
      let text = '';
      for (let row = from; row < Math.min(rows, from + ROWS_AT_A_TIME); row++) {
        const label = Math.floor((row * identities) / rows);
        const { judged, stays } = faces[row % DIFFERENT]!;
        const output = stays ? `,"newKey":${row + 1},"newLabel":${label}` : '';
        text += `{"key":${row + 1},"label":${label},"otherLabel":${(label + 1) % identities},${judged}${output}}\n`;
      }
      await file.write(text);
    }
  } finally {
    await file.close();
  }
}

/** What is said of each face, as the inside of a JSON object. */
function drawnFaces(): { readonly judged: string; readonly stays: boolean }[] {
  const { uniform } = seededRandom(1);
  const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;
  return Array.from({ length: DIFFERENT }, () => {
    const stranger = uniform() < 0.2;
    const spread = uniform() + uniform() + uniform() - 1.5;
    const angle = rounded(stranger ? 86 + 8 * spread : 42 + 16 * spread);
    const pClean = rounded((stranger ? 0.1 : 0.95) * (0.9 + 0.1 * uniform()));
    const judged = JSON.stringify({
      votes: [70, 20, 10],
      subcenter: stranger ? 1 : 0,
      dominant: 0,
      angle,
      angleNearest: angle,
      pClean,
      pOutsider: rounded((1 - pClean) * 0.7),
      pElsewhere: rounded((1 - pClean) * 0.3),
      decision: stranger ? 'drop' : 'keep',
      rule: 'auto',
    });
    return { judged: judged.slice(1, -1), stays: !stranger };
  });
}
