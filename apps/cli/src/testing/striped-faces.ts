import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

/** Side of the images, pixels. */
export const SIDE = 32;

/**
 * A folder of folders that a tiny network learns in seconds: an "identity" is a pair of colours and a stripe width, its
 * images differ by noise. Deterministic.
 */
export async function writeStripedFaces(
  folder: string,
  options: { readonly identities: number; readonly images: number; readonly first?: number },
): Promise<void> {
  const { identities, images, first = 0 } = options;
  for (let identity = first; identity < first + identities; identity++) {
    const directory = join(folder, `person-${String(identity).padStart(2, '0')}`);
    mkdirSync(directory, { recursive: true });
    for (let image = 0; image < images; image++) {
      writeFileSync(
        join(directory, `${String(image).padStart(2, '0')}.jpg`),
        await stripedFace(identity, image),
      );
    }
  }
}

/** One such image, as JPEG. */
export async function stripedFace(identity: number, image: number): Promise<Buffer> {
  let state = (identity + 1) * 7919 + image * 104_729;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  const colours = [0, 1].map((side) =>
    [0, 1, 2].map((channel) => ((identity + 1) * (37 + 50 * side + 23 * channel)) % 256),
  );
  const stripe = 2 + (identity % 5);
  const pixels = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => {
    const x = Math.floor(i / 3) % SIDE;
    const colour = colours[Math.floor(x / stripe) % 2]![i % 3]!;
    return Math.max(0, Math.min(255, colour + 60 * (random() - 0.5)));
  });
  return sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}
