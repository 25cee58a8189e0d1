/**
 * Lists of pairs to verify. LFW's `pairs.txt` is the format that other sets copy: a line a pair, either
 * `name i j` (images i and j of one person) or `name i other j` (images of two people), below a first line that says how
 * many folds and how many pairs of each kind a fold has.
 */
import { TrainingError } from '../training-error.ts';

/** One image as a pairs file names it. */
export interface PairImage {
  /** The person's name, as the folder is called: `Aaron_Peirsol`. */
  readonly name: string;
  /** Number of the image, from 1. */
  readonly index: number;
}

/** Two images, and whether they show the same person. */
export interface FacePair {
  readonly first: PairImage;
  readonly second: PairImage;
  readonly same: boolean;
}

/** A parsed pairs file. */
export interface PairsList {
  /** Folds that the file declares; 1 where it declares none (`pairsDevTest.txt`). */
  readonly folds: number;
  /** In the order of the file, which is the order of the folds. */
  readonly pairs: readonly FacePair[];
}

/**
 * Parses the text of a `pairs.txt`. Fields are separated by tabs or spaces; where by tabs alone, names may have spaces in them.
 *
 * @throws {TrainingError} `invalid-pairs` naming the line that does not fit, or the number of pairs that is missing
 */
export function parsePairs(text: string): PairsList {
  const lines = text.split(/\r?\n/);
  let folds = 1;
  let declared: number | undefined;
  const pairs: FacePair[] = [];
  lines.forEach((line, at) => {
    const fields = fieldsOf(line);
    if (fields.length === 0) return;
    if (pairs.length === 0 && declared === undefined && fields.length <= 2) {
      const [first, second] = fields.map((field) => naturalNumber(field, at));
      folds = second === undefined ? 1 : first!;
      declared = 2 * folds * (second ?? first!);
      return;
    }
    if (fields.length !== 3 && fields.length !== 4) {
      throw new TrainingError(
        'invalid-pairs',
        `Line ${at + 1} of the pairs has ${fields.length} fields; expected "name i j" or "name i other j".`,
      );
    }
    const same = fields.length === 3;
    const first = { name: fields[0]!, index: naturalNumber(fields[1]!, at) };
    const second = { name: same ? fields[0]! : fields[2]!, index: naturalNumber(fields.at(-1)!, at) };
    pairs.push({ first, second, same });
  });
  if (declared !== undefined && declared !== pairs.length) {
    throw new TrainingError(
      'invalid-pairs',
      `The first line announces ${declared} pairs, but ${pairs.length} follow; is the file complete?`,
    );
  }
  if (pairs.length === 0) throw new TrainingError('invalid-pairs', 'The list of pairs is empty.');
  return { folds, pairs };
}

/** File name (without extension) that LFW gives an image: `Aaron_Peirsol_0001`. */
export function lfwImageName({ name, index }: PairImage): string {
  return `${name}_${String(index).padStart(4, '0')}`;
}

/** Names may have blanks in them where tabs separate. */
function fieldsOf(line: string): string[] {
  const byTabs = line.split('\t').map((field) => field.trim());
  const isPair = (byTabs.length === 3 || byTabs.length === 4) && !byTabs.includes('');
  if (isPair && isNumber(byTabs[1]!) && isNumber(byTabs.at(-1)!)) return byTabs;
  return line.split(/\s+/).filter((field) => field !== '');
}

const isNumber = (field: string): boolean => /^\d+$/.test(field);

function naturalNumber(field: string, line: number): number {
  const value = /^\d{1,9}$/.test(field) ? Number(field) : 0;
  if (value < 1) {
    throw new TrainingError(
      'invalid-pairs',
      `Line ${line + 1} of the pairs: expected a whole number of at least 1, got "${field.slice(0, 40)}".`,
    );
  }
  return value;
}
