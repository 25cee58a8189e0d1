import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditRow } from '@arcface/cleaner';
import { openFaceDataset } from '@arcface/recordio/node';
import { datasetFingerprint, encodeEpochDynamics, epochDynamicsFileName } from '@arcface/trainer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromTheStart, type Outcome, runAndInterrupt, runInProcess } from '../testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../testing/striped-faces.ts';

/* The whole way on small files: spoil labels, look, clean, clean what was cleaned; with a network of two steps. */

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const json = async (...args: string[]) => {
  const { exitCode, stdout, stderr } = await runInProcess(...args, '--json');
  expect(stderr).not.toMatch(/^error/m);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout);
};
const rowsOf = (path: string) =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditRow);

/** Two steps, of which nothing is recorded. */
const train = (data: string, run: string, duration = ['--max-steps', '2', '--no-dynamics']) =>
  json(
    ...['train', '--data', at(data), '--output', at(run), '--network', 'r8-narrow', '--embedding-size', '16'],
    ...['--input-size', String(SIDE), '--batch-size', '8', '--threads', '1', ...duration],
  );

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-clean-'));
  await writeStripedFaces(at('faces'), { identities: 6, images: 10 });
  await writeStripedFaces(at('strangers'), { identities: 4, images: 5, first: 20 });
  await json(
    'noise',
    '--data',
    at('faces'),
    '--output',
    at('noisy'),
    '--rate',
    '.2',
    '--outsiders',
    at('strangers'),
  );
  await train('noisy', 'run');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('arcface noise', () => {
  test('writes the images under spoiled labels, and what is true of each', async () => {
    const lines = readFileSync(at('noisy', 'truth.csv'), 'utf8').trim().split('\n');
    expect(lines[0]).toBe('key,label,bad,true,source');
    const dataset = await openFaceDataset(at('noisy'));
    const truth = lines.slice(1).map((line) => line.split(','));
    expect(truth.map(([key, label]) => [Number(key), Number(label)])).toEqual(
      Array.from({ length: 60 }, (_, i) => [dataset.key(i), dataset.labels[i]]),
    );
    expect(truth.filter(([, , bad]) => bad === '1')).toHaveLength(12);
    for (const [, label, bad, isTrue, source] of truth) {
      expect(bad).toBe(label === isTrue ? '0' : '1');
      const person = Number(/person-(\d+)/.exec(source!)![1]);
      expect(Number(isTrue)).toBe(person >= 20 ? -1 : person);
    }
    expect(dataset.identities[2]!.name).toBe('person-02');
    await dataset.close();
  });

  test('is the same for the same seed, and refuses too few outsiders', async () => {
    const again = await json(
      ...[
        'noise',
        '--data',
        at('faces'),
        '--output',
        at('noisy-2'),
        '--rate',
        '.2',
        '--outsiders',
        at('strangers'),
      ],
    );
    expect(again).toMatchObject({ images: 60, bad: 12, truth: at('noisy-2', 'truth.csv') });
    expect(readFileSync(at('noisy-2', 'train.rec'))).toEqual(readFileSync(at('noisy', 'train.rec')));
    const { exitCode, stderr } = await runInProcess(
      'noise',
      '--data',
      at('faces'),
      '--output',
      at('no'),
      '--kind',
      'open',
    );
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/needs 12 images of outsiders, found 0/)]);
    expect(existsSync(at('no'))).toBe(false);
  });
});

describe('arcface clean', () => {
  test('is one command, leaves a dataset that can be cleaned again, and says what made it', async () => {
    const result = await json(
      'clean',
      at('noisy'),
      '--model',
      at('run'),
      '--output',
      at('clean'),
      '--threads',
      '1',
    );
    expect(result.images).toBe(60);
    expect(result.kept + result.dropped).toBe(60);
    expect(existsSync(at('clean.work'))).toBe(false);
    const made = JSON.parse(readFileSync(at('clean', 'provenance.json'), 'utf8'));
    expect(made).toMatchObject({
      command: 'clean',
      data: { images: 60, identities: 6, contentSha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      model: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/), trainedOnThisData: true },
      rule: { kind: 'self-trained' },
    });
    const again = await json(
      ...[
        'drop',
        '--data',
        at('clean'),
        '--model',
        at('run'),
        '--threshold',
        '180',
        '--output',
        at('again'),
        '--class-order',
        'position',
      ],
    );
    expect(again).toMatchObject({ images: result.kept, kept: result.kept });
    const names = JSON.parse(readFileSync(at('again', 'identities.json'), 'utf8'));
    expect(names['0']).toMatch(/^person-/);
  });

  test('knows a network that was trained on what it left, wherever that is now', async () => {
    cpSync(at('again'), at('moved'), { recursive: true });
    // An epoch, so that something is recorded: but of other images.
    await train('moved', 'run-again', ['--epochs', '1']);
    expect(readdirSync(at('run-again', 'checkpoints')).join()).toMatch(/dynamics-/);
    const twice = ['drop', '--model', at('run-again'), '--output', at('twice'), '--overwrite'];
    const ruleOf = () => JSON.parse(readFileSync(at('twice', 'provenance.json'), 'utf8')).rule.kind;
    await json(...twice, '--data', at('clean'));
    expect(ruleOf()).toBe('self-trained');
    await json(...twice, '--data', at('faces'));
    expect(ruleOf()).toBe('angle');
  });

  test('can judge all labels by a network that was trained on some of the identities', async () => {
    const four = { identities: 4, images: 10 };
    await writeStripedFaces(at('some'), four);
    await train('some', 'run-of-some');
    const judged = ['drop', '--data', at('noisy'), '--model', at('run-of-some'), '--output', at('judged')];
    const refused = await runInProcess(...judged);
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/sub-centres of 4 classes but there are 6 identities\. .* --rule self-trained/),
    ]);
    expect(refused.stderr).not.toMatch(/embedding/);
    const result = await json(...judged, '--rule', 'self-trained');
    expect(result).toMatchObject({ images: 60, identities: 6 });
  });

  test('gives the same bytes in one go and in shards', async () => {
    const common = ['--data', at('noisy'), '--model', at('run'), '--threads', '1', '--work', at('work')];
    expect(await json('drop', ...common, '--shard', '2/2', '--output', at('sharded'))).toEqual({
      shard: '2/2',
    });
    expect(existsSync(at('sharded'))).toBe(false);
    await json('drop', ...common, '--shard', '1/2', '--output', at('sharded'));
    await json('drop', ...common, '--output', at('sharded'));
    await json('drop', ...common.slice(0, 6), '--output', at('whole'));
    for (const name of ['train.rec', 'train.idx', 'audit.jsonl', 'property', 'identities.json']) {
      expect(readFileSync(at('sharded', name))).toEqual(readFileSync(at('whole', name)));
    }
  });

  test('writes no image that has changed since it was embedded', async () => {
    await writeStripedFaces(at('changing'), { identities: 3, images: 4 });
    const clean = (output: string) =>
      runInProcess(
        ...['clean', at('changing'), '--model', at('run'), '--threads', '1', '--work', at('changing.work')],
        ...['--output', at(output)],
      );
    expect((await clean('before')).exitCode).toBe(0);
    const kept = rowsOf(at('before', 'audit.jsonl')).filter(({ decision }) => decision !== 'drop');
    const key = String(kept.at(-1)!.key);
    writeFileSync(at('changing', key), readFileSync(at('strangers', 'person-20', '00.jpg')));
    const { exitCode, stderr } = await clean('after');
    expect(stderr).toContain(
      `Image "${key}" has changed since it was embedded. Remove ${at('changing.work')}, and run this again.`,
    );
    expect([exitCode, existsSync(at('after'))]).toEqual([1, false]);
  });

  test('shows faces in the report of a dataset', async () => {
    const result = await json(
      ...[
        'audit',
        '--data',
        at('strangers'),
        '--model',
        at('run'),
        '--output',
        at('k.jsonl'),
        '--rule',
        'auto',
        '--class-order',
        'position',
      ],
      ...['--threads', '1', '--report', at('k.html')],
    );
    expect(result.images).toBe(20);
    expect(readFileSync(at('k.html'), 'utf8')).toContain('data:image/jpeg;base64,');
  });
});

describe('arcface audit --rule aum', () => {
  test('judges by what the run recorded, and refuses a run that recorded nothing, or something else', async () => {
    const audit = (run: string, data = 'noisy') =>
      runInProcess(
        ...[
          'audit',
          '--data',
          at(data),
          '--model',
          at(run),
          '--rule',
          'aum',
          '--output',
          at(`${run}.jsonl`),
          '--threads',
          '1',
        ],
        ...['--overwrite', '--json'],
      );
    for (const copy of ['unrecorded', 'recorded']) {
      cpSync(at('run'), at(copy), { recursive: true });
      const own = readdirSync(at(copy, 'checkpoints')).filter((name) => name.startsWith('dynamics-'));
      for (const name of own) rmSync(at(copy, 'checkpoints', name));
    }
    expect((await audit('unrecorded')).stderr).toMatch(/this run did not record its images' margins/);

    const dataset = await openFaceDataset(at('noisy'));
    const bad = readFileSync(at('noisy', 'truth.csv'), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[2]);
    for (let epoch = 0; epoch < 4; epoch++) {
      const own = Float32Array.from(
        bad,
        (each, i) => (each === '1' ? 0.1 : 0.6) + 0.01 * ((i * 7 + epoch) % 10),
      );
      writeFileSync(
        at('recorded', 'checkpoints', epochDynamicsFileName(epoch)),
        encodeEpochDynamics({
          epoch,
          data: datasetFingerprint(dataset),
          own,
          other: new Float32Array(60).fill(0.3),
          nearest: new Uint8Array(60),
        }),
      );
    }
    await dataset.close();
    const found = await audit('recorded');
    expect(found.exitCode).toBe(0);
    expect(rowsOf(at('recorded.jsonl')).map(({ decision }) => decision)).toEqual(
      bad.map((each) => (each === '1' ? 'drop' : 'keep')),
    );
    expect(rowsOf(at('recorded.jsonl'))[0]!.aum).toBeTypeOf('number');
    expect((await audit('recorded', 'faces')).stderr).toMatch(/was recorded on other data/);
  });
});

describe('Ctrl-C', () => {
  const INTERRUPTED = 130;
  const judging = (command: string, output: string) => [
    ...[command, '--data', at('noisy'), '--model', at('run'), '--threads', '1', '--output', at(output)],
  ];
  const expectStopped = ({ exitCode, stdout }: Outcome, output: string): void => {
    expect([exitCode, stdout]).toEqual([INTERRUPTED, '']);
    expect(readdirSync(folder).filter((name) => name === output || name.includes('.partial-'))).toEqual([]);
  };

  test.each([
    ['drop', 'stopped-drop', ['train.rec', 'train.idx', 'audit.jsonl', 'summary.json']],
    ['clean', 'stopped-clean', ['train.rec', 'train.idx', 'audit.jsonl', 'summary.json']],
    ['audit', 'stopped-audit.jsonl', ['']],
  ])(
    'leaves of %s no output, and what it goes on with: nothing is embedded twice',
    async (command, output, files) => {
      const args = judging(command, output);
      expectStopped(await runAndInterrupt(fromTheStart(), ...args), output);
      const isEmbedded = () => existsSync(at(`${output}.work`));
      const stopped = await runAndInterrupt(isEmbedded, ...args);
      expectStopped(stopped, output);
      expect(stopped.stderr).toMatch(
        /1 of 1 parts are embedded and kept in .*\.work: the same command goes on/,
      );
      const { exitCode, stderr } = await runInProcess(...args);
      expect(stderr).toMatch(/^embedding: 0 images/m);
      expect(exitCode).toBe(0);
      expect(existsSync(at(`${output}.work`))).toBe(false);
      const whole = `whole-${output}`;
      await json(...judging(command, whole));
      for (const file of files) expect(readFileSync(at(output, file))).toEqual(readFileSync(at(whole, file)));
    },
  );

  test('leaves of embed what --resume goes on with', async () => {
    const args = (output: string) => [
      ...['embed', '--data', at('noisy'), '--model', at('run'), '--threads', '1', '--batch-size', '4'],
      ...['--output', at(output)],
    ];
    const hasBegun = () => existsSync(at('stopped.npy.partial'));
    const { exitCode, stderr, stdout } = await runAndInterrupt(hasBegun, ...args('stopped.npy'));
    expect(stderr).toMatch(/stopped behind \d+ of 60 images; --resume goes on there/);
    expect([exitCode, stdout, existsSync(at('stopped.npy'))]).toEqual([INTERRUPTED, '', false]);
    await json(...args('stopped.npy'), '--resume');
    await json(...args('whole.npy'));
    expect(readFileSync(at('stopped.npy'))).toEqual(readFileSync(at('whole.npy')));
  });

  test('leaves nothing of noise', async () => {
    const output = 'stopped-noise';
    const args = ['noise', '--data', at('faces'), '--kind', 'closed', '--output', at(output)];
    expectStopped(await runAndInterrupt(fromTheStart(), ...args), output);
    expect((await json(...args)).bad).toBe(12);
  });
});
