/**
 * What the rule `auto` takes of memory for an image, beside its embedding, which is read when it is needed: `merge-memory.ts IMAGES`, in a
 * process of its own for each number of images. Embeddings are made up, short, and of 500 people. Prints a line of JSON.
 *
 *     for images in 50000 250000; do npx tsx tooling/mpi/merge-memory.ts $images; done
 *
 * The difference of the peaks, divided by that of the images, is what one takes. Minutes.
 */
import { decide, scoreByModes } from '../../packages/cleaner/src/index.ts';

const DIMENSIONS = 8;
const PEOPLE = 500;

const images = Number(process.argv[2] ?? 50_000);

/** A number from -.5 to .5, the same for the same argument. */
function noise(of: number): number {
  let h = Math.imul(of ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32 - 0.5;
}

const audit = scoreByModes({
  embeddings: {
    rows: images,
    read(image, into) {
      const person = image % PEOPLE;
      for (let d = 0; d < DIMENSIONS; d++)
        into[d] = noise(person * 97 + d) + 0.4 * noise(image * 31 + d * 7 + 5);
    },
  },
  dimensions: DIMENSIONS,
  labels: Int32Array.from({ length: images }, (_, image) => image % PEOPLE),
  identities: Array.from({ length: PEOPLE }, (_, person) => ({
    label: person,
    images: Int32Array.from({ length: Math.ceil((images - person) / PEOPLE) }, (_, i) => person + i * PEOPLE),
  })),
  key: (image) => image,
});
decide(audit, { kind: 'auto' });
const peak = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`${JSON.stringify({ images, peakRssMebibytes: peak / 2 ** 20 })}\n`);
