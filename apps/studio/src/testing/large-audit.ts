/** An audit of any size, as `arcface audit` would write it: by identity, three votes, a fifth of the faces strangers. */
import { open } from 'node:fs/promises';
import { seededRandom } from '@arcface/cleaner';

export async function writeLargeAudit(
  path: string,
  { rows, identities }: { readonly rows: number; readonly identities: number },
): Promise<void> {
  const { uniform } = seededRandom(1);
  const file = await open(path, 'w');
  try {
    let lines: string[] = [];
    for (let row = 0; row < rows; row++) {
      const label = Math.floor((row * identities) / rows);
      const stranger = uniform() < 0.2;
      const spread = uniform() + uniform() + uniform() - 1.5;
      const angle = Math.round((stranger ? 86 + 8 * spread : 42 + 16 * spread) * 1e6) / 1e6;
      const pClean = Math.round((stranger ? 0.1 : 0.95) * (0.9 + 0.1 * uniform()) * 1e6) / 1e6;
      lines.push(
        JSON.stringify({
          key: row + 1,
          label,
          votes: [70, 20, 10],
          subcenter: stranger ? 1 : 0,
          dominant: 0,
          angle,
          angleNearest: angle,
          pClean,
          pOutsider: Math.round((1 - pClean) * 7e5) / 1e6,
          pElsewhere: Math.round((1 - pClean) * 3e5) / 1e6,
          otherLabel: (label + 1) % identities,
          decision: stranger ? 'drop' : 'keep',
          rule: 'auto',
          ...(stranger ? {} : { newKey: row + 1, newLabel: label }),
        }),
      );
      if (lines.length < 20_000 && row < rows - 1) continue;
      await file.write(`${lines.join('\n')}\n`);
      lines = [];
    }
  } finally {
    await file.close();
  }
}
