/**
 * What commands print with `--json`, at least. Scripts rely on these names: more may be added, none is changed. Whatever a test runs
 * with `--json` is held to them (`runInProcess`).
 */

/** By command; `a.b` is `b` within `a`. */
export const JSON_KEYS: Readonly<Record<string, readonly string[]>> = {
  demo: [
    ...['seconds', 'noise.precision', 'noise.recall', 'noise.f1', 'report'],
    ...['verification.noisy.accuracy', 'verification.cleaned.accuracy'],
  ],
  train: ['steps', 'epochs', 'loss', 'imagesPerSecond', 'checkpoint', 'verification'],
  drop: ['images', 'kept', 'dropped', 'identities', 'identitiesKept', 'output', 'audit'],
  clean: ['images', 'kept', 'dropped', 'identities', 'identitiesKept', 'output', 'audit'],
  audit: ['images', 'dropped', 'relabel', 'merges', 'splits', 'unresolved'],
  noise: ['images', 'bad', 'truth'],
  verify: ['accuracy', 'accuracyStd', 'threshold', 'val', 'valStd', 'far', 'xnorm', 'pairs'],
  embed: ['images', 'dimensions', 'imagesPerSecond'],
  'model list': ['name', 'parameters', 'flops', 'embeddingSize'],
  'rec info': ['records', 'images', 'identities', 'layout', 'bytes'],
  'rec ls': ['key', 'offset', 'length', 'flag', 'labels', 'id', 'id2', 'sha256'],
  'rec verify': ['records', 'faults'],
  'bin info': ['pairs', 'same'],
  'bin pack': ['pairs', 'same'],
  'bin unpack': ['pairs', 'same'],
  bench: ['imagesPerSecond', 'secondsPerStep', 'firstStepSeconds', 'peakRssBytes', 'backend'],
};

/** What an audit adds where it is measured against a truth. */
export const METRICS = ['precision', 'recall', 'f1', 'auroc', 'averagePrecision'];
/** What each fault of `rec verify` has. */
export const FAULT = ['offset', 'fault'];
/** What `rec ls --raw` leaves out: the payload may have no header. */
const OF_HEADERS = ['flag', 'labels', 'id', 'id2'];
/** What `embed merge` leaves out: it computes nothing. */
const OF_COMPUTING = ['imagesPerSecond'];

/** Of work that is divided, what was done of it is told, and not yet what came of it. */
const DIVIDED = ['--shard', '--hand-out'];

/** @throws {Error} when what was printed is not what is promised of the command */
export function checkJson(args: readonly string[], stdout: string): void {
  const [first = '', second = ''] = args;
  const command = [first, `${first} ${second}`].find((name) => name in JSON_KEYS);
  if (command === undefined || stdout === '' || DIVIDED.some((flag) => args.includes(flag))) return;
  const lines = stdout.trimEnd().split('\n');
  if (command !== 'rec ls' && lines.length > 1) {
    throw new Error(`arcface ${command} --json prints ${lines.length} lines, expected one`);
  }
  const without = args.includes('--raw') ? OF_HEADERS : second === 'merge' ? OF_COMPUTING : [];
  const keys = JSON_KEYS[command]!.filter((key) => !without.includes(key));
  for (const value of lines.flatMap((line) => JSON.parse(line) as unknown)) {
    requireKeys(command, value, keys);
    const { faults = [] } = value as { faults?: unknown[] };
    for (const fault of faults) requireKeys(command, fault, FAULT);
    if (command === 'audit' && args.includes('--truth')) {
      requireKeys(
        command,
        value,
        METRICS.map((name) => `metrics.${name}`),
      );
    }
  }
}

function requireKeys(command: string, value: unknown, keys: readonly string[]): void {
  const lacking = keys.filter((key) => {
    const inside = key.split('.').reduce((parent, name) => (parent as never)?.[name], value);
    return inside === undefined;
  });
  if (lacking.length > 0) {
    throw new Error(`arcface ${command} --json lacks ${lacking.join(', ')}: ${JSON.stringify(value)}`);
  }
}
