/**
 * Templates: sets of images of one person that are compared as one, as in IJB-A, -B and -C. A template's embedding is the sum
 * over its media (a photo, or all frames of one video) of the mean embedding of each, normalised; so a long video
 * does not outvote a photo. The rule and the layout of the two lists are those of insightface's `recognition/_evaluation_/ijb`.
 */
import { TrainingError } from '../training-error.ts';

/** Which image belongs to which template and medium. */
export interface TemplateMember {
  /** File name of the image. */
  readonly image: string;
  readonly template: number;
  readonly media: number;
}

/** Two templates, and whether they show the same person. */
export interface TemplatePair {
  readonly first: number;
  readonly second: number;
  readonly same: boolean;
}

/** Embeddings of images with what they belong to. */
export interface TemplateImages {
  /** Row-major [images, dimensions]. */
  readonly embeddings: Float32Array;
  readonly dimensions: number;
  /** Template of each image. */
  readonly templates: ArrayLike<number>;
  /** Medium of each image; media are told apart within a template. */
  readonly media: ArrayLike<number>;
}

/** How images are pooled. */
export interface PoolOptions {
  /**
   * Leaves the lengths of the embeddings in, so that images of which the network is sure count more. Default true, as
   * insightface reports it.
   */
  readonly weightByNorm?: boolean;
}

/** One unit embedding a template. */
export interface TemplateEmbeddings {
  /** Row-major [templates, dimensions]. */
  readonly embeddings: Float32Array;
  readonly dimensions: number;
  /** Row of each template. */
  readonly rows: ReadonlyMap<number, number>;
}

/**
 * Pools images into templates. A row of zeros, which `embedImages` gives an image that cannot be decoded, counts for nothing;
 * a template of such rows alone is a row of zeros, as near to all others.
 *
 * @throws {TrainingError} `invalid-pairs` when sizes disagree, or a value is not finite, naming the template
 */
export function poolTemplates(
  { embeddings, dimensions, templates, media }: TemplateImages,
  { weightByNorm = true }: PoolOptions = {},
): TemplateEmbeddings {
  const images = templates.length;
  if (embeddings.length !== images * dimensions || media.length !== images) {
    throw new TrainingError(
      'invalid-pairs',
      `Expected ${images} rows of ${dimensions} values and as many media, got ${embeddings.length} values and ${media.length} media.`,
    );
  }
  const members = new Map<number, Map<number, number[]>>();
  for (let row = 0; row < images; row++) {
    const ofTemplate = members.get(templates[row]!) ?? new Map<number, number[]>();
    members.set(templates[row]!, ofTemplate);
    const ofMedium = ofTemplate.get(media[row]!) ?? [];
    ofTemplate.set(media[row]!, ofMedium);
    ofMedium.push(row);
  }
  const pooled = new Float32Array(members.size * dimensions);
  const rows = new Map<number, number>();
  for (const [template, ofTemplate] of members) {
    const sum = new Float64Array(dimensions);
    for (const ofMedium of ofTemplate.values()) {
      const norms = ofMedium.map((row) => rowNorm(embeddings, row, dimensions));
      const seen = norms.filter((norm) => norm !== 0).length;
      for (const [i, row] of ofMedium.entries()) {
        if (norms[i] === 0) continue;
        const weight = (weightByNorm ? 1 : 1 / norms[i]!) / seen;
        for (let d = 0; d < dimensions; d++) sum[d]! += embeddings[row * dimensions + d]! * weight;
      }
    }
    const norm = Math.hypot(...sum);
    if (!Number.isFinite(norm)) {
      throw new TrainingError('invalid-pairs', `An embedding of template ${template} is not finite.`);
    }
    pooled.set(
      sum.map((value) => value / (norm || 1)),
      rows.size * dimensions,
    );
    rows.set(template, rows.size);
  }
  return { embeddings: pooled, dimensions, rows };
}

/**
 * Squared Euclidean distance of the unit embeddings of each pair of templates: for `verifyDistances` and `acceptRates`.
 *
 * @throws {TrainingError} `invalid-pairs` naming a template that has no image
 */
export function templateDistances(
  { embeddings, dimensions, rows }: TemplateEmbeddings,
  pairs: readonly TemplatePair[],
): Float64Array {
  const start = (template: number): number => {
    const row = rows.get(template);
    if (row === undefined) {
      throw new TrainingError('invalid-pairs', `A pair names template ${template}, which has no image.`);
    }
    return row * dimensions;
  };
  return Float64Array.from(pairs, ({ first, second }) => {
    const [a, b] = [start(first), start(second)];
    let sum = 0;
    for (let d = 0; d < dimensions; d++) sum += (embeddings[a + d]! - embeddings[b + d]!) ** 2;
    return sum;
  });
}

/**
 * Parses a list of members: a line an image, `name template media` (`ijbc_face_tid_mid.txt`).
 *
 * @throws {TrainingError} `invalid-pairs` naming the line
 */
export function parseTemplateMembers(text: string): TemplateMember[] {
  return parseLines(text, 'name template media', ([image, template, media]) => ({
    image: image!,
    template: wholeNumber(template!),
    media: wholeNumber(media!),
  }));
}

/**
 * Parses a list of pairs: a line a pair, `template template label`, where 1 is the same person (`ijbc_template_pair_label.txt`).
 *
 * @throws {TrainingError} `invalid-pairs` naming the line
 */
export function parseTemplatePairs(text: string): TemplatePair[] {
  return parseLines(text, 'template template 0|1', ([first, second, label]) => {
    if (label !== '0' && label !== '1') throw new RangeError(`a label of 0 or 1, got "${label}"`);
    return { first: wholeNumber(first!), second: wholeNumber(second!), same: label === '1' };
  });
}

function parseLines<T>(text: string, form: string, parse: (fields: readonly string[]) => T): T[] {
  const rows: T[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const fields = line.trim().split(/\s+/);
    if (fields[0] === '') continue;
    try {
      if (fields.length !== 3) throw new RangeError(`3 fields, got ${fields.length}`);
      rows.push(parse(fields));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new TrainingError(
        'invalid-pairs',
        `Line ${at + 1}: a line is "${form}"; expected ${error.message}.`,
      );
    }
  }
  if (rows.length === 0) {
    throw new TrainingError('invalid-pairs', `The list is empty; expected lines "${form}".`);
  }
  return rows;
}

function wholeNumber(field: string): number {
  if (/^\d{1,10}$/.test(field)) return Number(field);
  throw new RangeError(`a whole number, got "${field.slice(0, 40)}"`);
}

function rowNorm(embeddings: Float32Array, row: number, dimensions: number): number {
  let sum = 0;
  for (let d = 0; d < dimensions; d++) sum += embeddings[row * dimensions + d]! ** 2;
  return Math.sqrt(sum);
}
