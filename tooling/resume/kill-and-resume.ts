/**
 * Trains the same run twice through the command line, once as it is and once killed (SIGKILL, at random moments) and resumed again and
 * again, and compares the last checkpoints by SHA-256.
 *
 *     npx tsx tooling/resume/kill-and-resume.ts --data faces --network y1 --epochs 20 --kills 10 --output /tmp/resume
 *
 * The folder must be new. Kills come at random times within the time that the run takes, spread evenly.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const MAIN = fileURLToPath(new URL('../../apps/cli/src/main.ts', import.meta.url));

const option = (value: string) => ({ type: 'string', default: value }) as const;
const { values: options } = parseArgs({
  options: {
    data: option(''),
    output: option(''),
    network: option('y1'),
    epochs: option('20'),
    'batch-size': option('16'),
    'checkpoint-every': option('1'),
    threads: option('1'),
    kills: option('10'),
  },
});

if (options.data === '' || options.output === '') {
  console.error(
    'usage: kill-and-resume.ts --data DATA --output NEW-FOLDER [--network y1] [--epochs 20] [--kills 10]',
  );
  process.exit(2);
}
if (existsSync(options.output)) {
  console.error(`${options.output} exists; give a new folder`);
  process.exit(2);
}
const straight = join(options.output, 'straight');
const killed = join(options.output, 'killed');

const begun = performance.now();
const expected = await run(straight, undefined);
const seconds = (performance.now() - begun) / 1000;
console.log(`in one run: ${expected!.steps} steps, ${seconds.toFixed(1)} s, ${hash(expected!.checkpoint)}`);

let kills = 0;
let result: Result | undefined;
while (!result) {
  const left = Number(options.kills) - kills;
  // Spread over what is left of the run: none of it is over before the last kill.
  result = await run(
    killed,
    left > 0 ? { steps: Math.ceil(expected!.steps / (Number(options.kills) + 1)) } : undefined,
  );
  if (!result) kills++;
}
console.log(`killed ${kills} times: ${result.steps} steps, ${hash(result.checkpoint)}`);
const same = hash(result.checkpoint) === hash(expected!.checkpoint);
console.log(same ? 'the same bytes' : 'DIFFERENT');
process.exit(same && kills === Number(options.kills) ? 0 : 1);

interface Result {
  readonly steps: number;
  readonly checkpoint: string;
}

/** Undefined when the run was killed. */
async function run(
  output: string,
  death: { readonly steps: number } | undefined,
): Promise<Result | undefined> {
  const { kills: _, ...flags } = { ...options, output };
  const typed = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'train', ...typed, '--resume', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  const ended = new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...how) => resolve(how));
  });
  if (death) void kill(child, join(output, 'log.jsonl'), death.steps);
  const [code, signal] = await ended;
  if (signal === 'SIGKILL') return undefined;
  if (code !== 0) throw new Error(`the run ended with ${code}`);
  return JSON.parse(text) as Result;
}

/** Kills once the log tells of so many more steps, and a random moment later. */
async function kill(child: ReturnType<typeof spawn>, log: string, steps: number): Promise<void> {
  const before = stepsIn(log);
  while (child.exitCode === null && stepsIn(log) < before + steps) await pause(20);
  await pause(Math.random() * 500);
  child.kill('SIGKILL');
}

function stepsIn(log: string): number {
  if (!existsSync(log)) return 0;
  return readFileSync(log, 'utf8').split('"kind":"step"').length - 1;
}

function hash(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
