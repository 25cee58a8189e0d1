import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type CommandContext, defineCommand } from './define-command.ts';
import { releaseInterrupt } from './interrupt.ts';
import { Progress } from './progress.ts';

/* Bars, as on a terminal. */

const HIDDEN = '\u001b[?25l';
const SHOWN = '\u001b[?25h';

let written: string;
const terminal = Object.getOwnPropertyDescriptor(process.stderr, 'isTTY');
beforeEach(() => {
  written = '';
  Object.defineProperty(process.stderr, 'isTTY', { value: true, configurable: true });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  if (terminal === undefined) Reflect.deleteProperty(process.stderr, 'isTTY');
  else Object.defineProperty(process.stderr, 'isTTY', terminal);
  releaseInterrupt();
});

const commandThat = (run: (context: CommandContext) => void) =>
  defineCommand({
    ...{ name: 'any', description: 'Does something.', example: 'arcface any' },
    options: (command) => command,
    run: async (_, context) => run(context),
  });

test('a command that fails leaves no bar behind: it would keep the process alive, and the cursor hidden', async () => {
  const failing = commandThat(({ console }) => {
    console.progress('embedding', { total: 9, unit: 'images' }).update(3);
    expect(written.lastIndexOf(HIDDEN)).toBeGreaterThan(written.lastIndexOf(SHOWN));
    throw new Error('the disk is gone');
  });
  await expect(failing.parseAsync([], { from: 'user' })).rejects.toThrow('the disk is gone');
  expect(written.lastIndexOf(SHOWN)).toBeGreaterThan(written.lastIndexOf(HIDDEN));
});

test('bars that have ended stay as they are', async () => {
  const sound = commandThat(({ console }) => {
    for (const title of ['embedding', 'writing'])
      console.progress(title, { total: 1, unit: 'images' }).stop();
    console.log('done');
  });
  await sound.parseAsync([], { from: 'user' });
  expect(written.endsWith('done\n')).toBe(true);
});

test('what an ended process had done is not counted as this one’s', () => {
  Object.defineProperty(process.stderr, 'isTTY', { value: false, configurable: true });
  const progress = new Progress('training', { total: 4000, unit: 'steps', before: 1000 }, process.stderr);
  progress.update(1003);
  progress.stop();
  expect(written).toMatch(/^training: 3 steps in /);
});

test.each([
  [123_456_789, '123000000/s'],
  [1234.5, '1230/s'],
  [99.97, '100/s'],
  [0.25, '0.25/s'],
])('a rate of %d is told as %s', async (rate, told) => {
  const reading = commandThat(({ console }) => {
    const progress = console.progress('reading', { total: 9, unit: 'bytes' });
    progress.update(9, { rate });
    progress.stop();
  });
  await reading.parseAsync([], { from: 'user' });
  expect(written).toContain(`| ${told}`);
});
