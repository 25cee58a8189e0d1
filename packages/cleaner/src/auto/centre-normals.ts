import type { SeededRandom } from '../seeded-random.ts';
import type { FaceGroups } from './face-groups.ts';
import { robustNormalInPlace } from './median.ts';
import { productsWithRows } from './row-products.ts';

/*
 * How strangers lie to each centre, from a sample of images.
 */

export interface CentreNormals {
  /** Median cosine of strangers: [centres]. */
  readonly median: Float64Array;
  /** One over their robust deviation: [centres]. */
  readonly inverse: Float64Array;
}

/** Images looked at. */
const IMAGES_PER_CENTRE = 4000;
/** Keeps a deviation off zero. */
const LEAST_DEVIATION = 1e-6;
/** Centres whose sampled cosines are held at a time. */
const CENTRES_AT_A_TIME = 256;

/**
 * @param rows The centres, unit rows.
 * @param home The centre of each image's own identity, -1 where it has none.
 */
export function centreNormals(
  faces: FaceGroups,
  rows: Float64Array,
  home: Int32Array,
  random: SeededRandom,
): CentreNormals {
  const { dimensions, images } = faces;
  const count = rows.length / dimensions;
  const sampled = random.permutation(images).subarray(0, IMAGES_PER_CENTRE);
  const normals = { median: new Float64Array(count), inverse: new Float64Array(count) };
  const sampledRows = new Float64Array(sampled.length * dimensions);
  sampled.forEach((image, i) => {
    faces.unit.read(image, sampledRows.subarray(i * dimensions, (i + 1) * dimensions));
  });
  const block = new Float64Array(sampled.length * Math.min(count, CENTRES_AT_A_TIME));
  const column = new Float64Array(sampled.length);
  for (let from = 0; from < count; from += CENTRES_AT_A_TIME) {
    const width = Math.min(CENTRES_AT_A_TIME, count - from);
    for (let i = 0; i < sampled.length; i++) {
      const row = sampledRows.subarray(i * dimensions, (i + 1) * dimensions);
      productsWithRows(row, rows, from, width, block.subarray(i * width, (i + 1) * width));
    }
    for (let c = 0; c < width; c++) {
      let strangers = 0;
      for (let i = 0; i < sampled.length; i++) {
        if (home[sampled[i]!] !== from + c) column[strangers++] = block[i * width + c]!;
      }
      const { median, deviation } = robustNormalInPlace(column.subarray(0, strangers));
      // An identity so large that the sample is all its own has no strangers: what is usual stands in for them.
      normals.median[from + c] = strangers > 0 ? median : 0;
      normals.inverse[from + c] =
        1 / ((strangers > 0 ? deviation : Math.sqrt(1 / dimensions)) + LEAST_DEVIATION);
    }
  }
  return normals;
}
