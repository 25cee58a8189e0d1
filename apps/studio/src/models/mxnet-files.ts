/** A checkpoint of MXNet is two files: which two of those that were chosen belong together. */
import type { ChosenFile } from '../session/chosen-files.ts';

const SYMBOL = /-symbol\.json$/;
const EPOCH = /^-\d+\.params$/;

export interface MxnetFiles {
  readonly symbol: ChosenFile;
  readonly params: ChosenFile;
}

/**
 * The first symbol that has parameters of its name, and of these the last epoch; files of other names belong together if there is
 * one of each. Undefined where one of the two is not there.
 */
export function mxnetFiles(files: readonly ChosenFile[]): MxnetFiles | undefined {
  const symbols = files.filter(({ path }) => SYMBOL.test(path));
  const parameters = files.filter(({ path }) => path.endsWith('.params'));
  for (const symbol of symbols) {
    const prefix = symbol.path.replace(SYMBOL, '');
    const epochs = parameters
      .filter(({ path }) => path.startsWith(prefix) && EPOCH.test(path.slice(prefix.length)))
      .sort((a, b) => epochOf(a, prefix) - epochOf(b, prefix));
    if (epochs.length > 0) return { symbol, params: epochs.at(-1)! };
  }
  const [symbol, params] = [symbols[0], parameters[0]];
  return symbol === undefined || params === undefined ? undefined : { symbol, params };
}

function epochOf({ path }: ChosenFile, prefix: string): number {
  return Number.parseInt(path.slice(prefix.length + 1), 10);
}
