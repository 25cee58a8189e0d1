// Every row of the comparison, this backend and a peer in turn (A B A B), with the ratio of the medians:
//   npx tsx packages/tfjs-backend-onnxruntime/bench/peers.ts --python /path/to/python-with-torch --rounds 2
// Peers: PyTorch (`pytorch_peer.py`), tfjs-backend-wasm (`wasm-peer.ts`), and, where it has been built, tfjs-node: name
// a command with --tfjs-node that takes train-step.ts's flags and prints such a JSON line. What is missing is skipped and
// said. --only takes the rows whose name has this in it. --large-pages gives large pages of memory (see the README) to `both`
// programs, or to this one only (`here`: `arcface` asks for them by itself, PyTorch does not), and the rows are called so.
// Results go to bench/results/peers.json and .md, a row at a time: what was not measured now stays as it was.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    'tfjs-node': { type: 'string' },
    rounds: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
    'large-pages': { type: 'string', default: 'none' },
  },
});
const largePages = options['large-pages'];
if (!['none', 'here', 'both'].includes(largePages)) {
  throw new Error(`--large-pages is none, here or both, not '${largePages}'`);
}

interface Measurement {
  readonly peer: string;
  readonly imagesPerSecond: number;
  readonly imagesPerCpuSecond: number;
  readonly firstStepSeconds: number;
  readonly peakRssMegabytes: number;
  readonly milliseconds?: {
    readonly run: number;
    readonly schedule: number;
    readonly traceAndSchedule: number;
    readonly firstTraceAndCompile?: number;
  };
}

interface Row {
  readonly name: string;
  readonly peer: 'pytorch' | 'wasm' | 'tfjs-node';
  /** What the ratio of the speeds should be at least, and that of the memory at most. */
  readonly goal: { readonly speed: number; readonly memory?: number };
  readonly flags: readonly string[];
}

interface Result extends Row {
  readonly ours: Measurement[];
  readonly theirs: Measurement[];
}

function rows(): Row[] {
  const all: Row[] = [];
  const pages = { none: '', here: ' large pages here', both: ' large pages both' }[largePages];
  const add = (
    peer: Row['peer'],
    network: 'mobilefacenet' | 'ir50',
    mode: 'training' | 'forward',
    batch: number,
    threads: number,
    goal: Row['goal'],
  ) => {
    const isLarge = network === 'ir50';
    // Where the share of JavaScript is largest, as many steps as its engine needs to compile all that traces.
    const isSettled = mode === 'training' && batch === 16;
    const steps = isLarge ? (mode === 'training' ? 3 : 4) : isSettled ? 96 : 12;
    const flags = [
      '--network',
      network,
      '--batch',
      `${batch}`,
      '--threads',
      `${threads}`,
      '--steps',
      `${steps}`,
    ];
    if (mode === 'forward') flags.push('--forward');
    const name = `${network} ${mode} batch ${batch} threads ${threads} ${peer}${pages}`;
    all.push({ name, peer, goal, flags });
  };
  for (const threads of [2, 1]) {
    add('pytorch', 'mobilefacenet', 'training', 16, threads, { speed: 1.3, memory: 0.6 });
    add('pytorch', 'mobilefacenet', 'training', 32, threads, { speed: 1.4, memory: 0.6 });
    add('pytorch', 'mobilefacenet', 'training', 64, threads, { speed: 1.6, memory: 0.6 });
    add('pytorch', 'ir50', 'training', 16, threads, { speed: 1.05, memory: 1 });
    add('pytorch', 'mobilefacenet', 'forward', 32, threads, { speed: 1.3 });
    add('pytorch', 'ir50', 'forward', 32, threads, { speed: 1.1 });
  }
  // In Node tfjs-backend-wasm has one thread only, whatever there is here.
  for (const threads of [2, 1]) add('wasm', 'mobilefacenet', 'forward', 32, threads, { speed: 4 });
  add('tfjs-node', 'mobilefacenet', 'training', 32, 1, { speed: 1.2 });
  return all.filter(({ name }) => name.includes(options.only));
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The last line that a program prints, as JSON; null, and a word why, when it could not run. */
function run(command: string, args: readonly string[], hasLargePages: boolean): Measurement | null {
  const { GLIBC_TUNABLES: _, ...inherited } = process.env;
  const env = hasLargePages ? { ...inherited, GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' } : inherited;
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', env });
  if (status === 0) return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measurement;
  const reason = error?.message ?? stderr.trim().split('\n').at(-1) ?? `exit code ${status}`;
  console.error(`skipped: ${command} ${args.join(' ')}: ${reason}`);
  return null;
}

function runPeer({ peer, flags }: Row): Measurement | null {
  const hasLargePages = largePages === 'both';
  if (peer === 'pytorch') {
    const args = [script('pytorch_peer.py'), ...flags, '--format', 'channels_last'];
    return run(options.python, args, hasLargePages);
  }
  if (peer === 'wasm')
    return run('npx', ['tsx', script('wasm-peer.ts'), ...withoutThreads(flags)], hasLargePages);
  if (!options['tfjs-node']) {
    console.error('skipped: tfjs-node has not been built; name its command with --tfjs-node');
    return null;
  }
  const [command, ...args] = options['tfjs-node'].split(' ');
  return run(command!, [...args, ...flags], hasLargePages);
}

function withoutThreads(flags: readonly string[]): string[] {
  const threads = flags.indexOf('--threads');
  return flags.filter((flag, i) => i !== threads && i !== threads + 1 && flag !== '--forward');
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function table(results: readonly Result[]): string {
  const lines = [
    '| work | images/s, here : peer | ratio | goal | ratio by processor time | peak memory, MB | ratio | goal | first step, s | of it tracing and compiling | JavaScript, share of a step |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
  ];
  for (const { name, goal, ours, theirs } of results) {
    const of = (field: 'imagesPerSecond' | 'imagesPerCpuSecond' | 'peakRssMegabytes') => {
      const [here, there] = [ours, theirs].map((list) => median(list.map((one) => one[field])));
      return { here: here!, there: there!, ratio: (here! / there!).toFixed(2) };
    };
    const speed = of('imagesPerSecond');
    const memory = of('peakRssMegabytes');
    const inJavaScript = median(
      ours.map(({ milliseconds }) => {
        const { run: native, traceAndSchedule } = milliseconds!;
        return (100 * traceAndSchedule) / (native + traceAndSchedule);
      }),
    );
    const compiling = ours.map(({ milliseconds }) => milliseconds!.firstTraceAndCompile);
    const firstCompile = compiling.every((ms) => ms !== undefined)
      ? (median(compiling) / 1000).toFixed(1)
      : '';
    lines.push(
      `| ${name} | ${speed.here.toFixed(1)} : ${speed.there.toFixed(1)} | ${speed.ratio} | ${goal.speed} | ${of('imagesPerCpuSecond').ratio} | ${memory.here} : ${memory.there} | ${memory.ratio} | ${goal.memory ?? ''} | ${median(ours.map((one) => one.firstStepSeconds)).toFixed(1)} | ${firstCompile} | ${inJavaScript.toFixed(1)} % |`,
    );
  }
  return lines.join('\n');
}

const results: Result[] = [];
for (const row of rows()) {
  const result: Result = { ...row, ours: [], theirs: [] };
  for (let round = 0; round < Number(options.rounds); round++) {
    const theirs = runPeer(row);
    if (theirs === null) break;
    const ours = run('npx', ['tsx', script('train-step.ts'), ...row.flags], largePages !== 'none');
    if (ours === null) break;
    result.ours.push(ours);
    result.theirs.push(theirs);
  }
  if (result.ours.length === 0) continue;
  results.push(result);
  console.error(table([result]).split('\n').at(-1));
}

mkdirSync(script('results'), { recursive: true });
const file = script('results/peers.json');
const measured = new Map(results.map((result) => [result.name, result]));
const before = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as { results: Result[] }).results
  : [];
const kept = before.map((result) => {
  const again = measured.get(result.name) ?? result;
  measured.delete(result.name);
  return again;
});
const all = [...kept, ...measured.values()];
const command = 'npx tsx packages/tfjs-backend-onnxruntime/bench/peers.ts --python <python with torch>';
const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`;
writeFileSync(file, `${JSON.stringify({ command, machine, results: all }, null, 2)}\n`);
const heading = `\`${command}\`, on ${machine}. Medians of the rounds, each the best step of a run.`;
writeFileSync(script('results/peers.md'), `${heading}\n\n${table(all)}\n`);
console.log(table(all));
