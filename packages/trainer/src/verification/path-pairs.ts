/**
 * Lists of pairs that name images by their paths: `path path 1`, as AgeDB-30, CALFW, CPLFW and CFP-FP are passed around, and CFP's own
 * protocol, where a pair is two numbers, each a line of one of two lists of images.
 */
import { TrainingError } from '../training-error.ts';

/** Two images by path, with `/` between folders, and whether they show the same person. */
export interface PathPair {
  readonly first: string;
  readonly second: string;
  readonly same: boolean;
}

/** Whether a list is one of {@link parsePathPairs}: its first line that is not empty ends in 0 or 1 and starts with two paths. */
export function isPathPairs(text: string): boolean {
  const [first, second, label, ...more] = fieldsOf(/^.*\S.*$/m.exec(text)?.[0] ?? '');
  return (
    label !== undefined && more.length === 0 && isLabel(label) && !isNumber(first!) && !isNumber(second!)
  );
}

/**
 * Parses a list of `path path label` lines; fields are separated by blanks, tabs or commas, and the label of a pair of one person is 1.
 *
 * @throws {TrainingError} `invalid-pairs` naming the line
 */
export function parsePathPairs(text: string): PathPair[] {
  const pairs = linesOf(text).map(({ fields, at }): PathPair => {
    const [first, second, label] = fields;
    if (fields.length !== 3 || !isLabel(label!)) {
      throw new TrainingError('invalid-pairs', `Line ${at} of the pairs: expected "path path 0|1".`);
    }
    return { first: first!, second: second!, same: label === '1' };
  });
  if (pairs.length === 0) throw new TrainingError('invalid-pairs', 'The list of pairs is empty.');
  return pairs;
}

/** The texts of CFP's protocol (`Protocol/`). */
export interface CfpProtocol {
  /** `Pair_list_F.txt`, the frontal images: lines of a number and a path. */
  readonly frontal: string;
  /** `Pair_list_P.txt`, the profile images. */
  readonly profile: string;
  /** `same.txt` and `diff.txt` of each fold of `Split/FP`, in order: lines `frontal,profile`. */
  readonly folds: readonly { readonly same: string; readonly different: string }[];
}

/**
 * Reads CFP's frontal-profile protocol: the pairs fold by fold, of one person first.
 *
 * @throws {TrainingError} `invalid-pairs` for a number without an image, or folds of different sizes
 */
export function parseCfpPairs({ frontal, profile, folds }: CfpProtocol): PathPair[] {
  const lists = [imagesByNumber(frontal, 'frontal'), imagesByNumber(profile, 'profile')] as const;
  const ofFold = folds.map(({ same, different }) => [
    ...numberedPairs(same, lists, true),
    ...numberedPairs(different, lists, false),
  ]);
  const sizes = new Set(ofFold.map((pairs) => pairs.length));
  if (sizes.size !== 1 || sizes.has(0)) {
    throw new TrainingError(
      'invalid-pairs',
      `Expected folds with as many pairs each, got ${ofFold.map((pairs) => pairs.length).join(', ') || 'none'}.`,
    );
  }
  return ofFold.flat();
}

function numberedPairs(
  text: string,
  [frontal, profile]: readonly [ReadonlyMap<string, string>, ReadonlyMap<string, string>],
  same: boolean,
): PathPair[] {
  return linesOf(text).map(({ fields, at }): PathPair => {
    const first = frontal.get(fields[0] ?? '');
    const second = profile.get(fields[1] ?? '');
    if (first === undefined || second === undefined) {
      throw new TrainingError(
        'invalid-pairs',
        `Line ${at} of a fold is "${fields.join(',').slice(0, 40)}"; expected the numbers of a frontal and a profile image.`,
      );
    }
    return { first, second, same };
  });
}

function imagesByNumber(text: string, what: string): Map<string, string> {
  const images = new Map<string, string>();
  for (const { fields, at } of linesOf(text)) {
    if (fields.length !== 2 || !isNumber(fields[0]!)) {
      throw new TrainingError(
        'invalid-pairs',
        `Line ${at} of the ${what} images: expected a number and a path.`,
      );
    }
    // Paths are relative to the protocol's folder; what matters is below the images.
    images.set(fields[0]!, fields[1]!.replace(/^(\.\.?\/)+/, ''));
  }
  return images;
}

function linesOf(text: string): { readonly fields: readonly string[]; readonly at: number }[] {
  return text
    .split(/\r?\n/)
    .map((line, i) => ({ fields: fieldsOf(line), at: i + 1 }))
    .filter(({ fields }) => fields.length > 0);
}

/** Paths may have blanks in them where tabs or commas separate. */
function fieldsOf(line: string): string[] {
  for (const separator of ['\t', ',']) {
    const fields = line.split(separator).map((field) => field.trim());
    if (fields.length === 3 && fields.every((field) => field !== '')) return fields;
  }
  return line.split(/[\s,]+/).filter((field) => field !== '');
}

const isNumber = (field: string): boolean => /^\d+$/.test(field);
const isLabel = (field: string): boolean => field === '0' || field === '1';
