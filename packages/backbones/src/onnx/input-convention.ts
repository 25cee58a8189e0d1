/**
 * How pixels enter an ONNX model. The format says the size of an image and nothing of its meaning: whether colours come as
 * RGB or BGR, and what happens to 0..255 before. Files written here say it in their metadata, in the words in which it
 * can also be given for a file that doesn't: `layout=NCHW,channels=RGB,mean=127.5,std=127.5`.
 */
import { BackbonesError } from '../backbones-error.ts';

/** What a model's first input means. */
export interface OnnxInputConvention {
  readonly layout: 'NCHW' | 'NHWC';
  /** The order of the colours in the input. */
  readonly channels: 'RGB' | 'BGR';
  /** A pixel p of 0..255 enters as (p - mean) / std; one number a channel, in the order of the input. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** The key of the convention in a model's metadata. */
export const INPUT_KEY = 'arcface.input';

/** The convention in words. */
export function formatOnnxInput({ layout, channels, mean, std }: OnnxInputConvention): string {
  return `layout=${layout},channels=${channels},mean=${formatTriple(mean)},std=${formatTriple(std)}`;
}

/**
 * The convention, or as much of it as is said.
 *
 * @param text pairs `name=value` with commas between; three numbers with slashes between, or one for all
 * @throws BackbonesError `invalid-option` naming what is not understood
 */
export function parseOnnxInput(text: string): Partial<OnnxInputConvention> {
  const said: { -readonly [K in keyof OnnxInputConvention]?: OnnxInputConvention[K] } = {};
  for (const pair of text.split(',')) {
    const [name = '', value = '', ...more] = pair.split('=').map((part) => part.trim());
    const upper = value.toUpperCase();
    if (name in said) throw notUnderstood(pair, `${name} is there twice`);
    if (name === 'layout' && (upper === 'NCHW' || upper === 'NHWC')) said.layout = upper;
    else if (name === 'channels' && (upper === 'RGB' || upper === 'BGR')) said.channels = upper;
    else if ((name === 'mean' || name === 'std') && more.length === 0)
      said[name] = parseTriple(pair, value, name);
    else throw notUnderstood(pair, 'expected layout=NCHW|NHWC, channels=RGB|BGR, mean=M, or std=S');
  }
  return said;
}

function parseTriple(pair: string, value: string, name: 'mean' | 'std'): [number, number, number] {
  const numbers = value.split('/').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const valid = numbers.every((x) => Number.isFinite(x) && (name === 'mean' || x > 0));
  const [first = 0, second = first, third = first] = numbers;
  if (valid && (numbers.length === 1 || numbers.length === 3)) return [first, second, third];
  throw notUnderstood(
    pair,
    `expected one number or three with slashes between${name === 'std' ? ', above 0' : ''}`,
  );
}

function formatTriple(values: readonly [number, number, number]): string {
  return values.every((value) => value === values[0]) ? String(values[0]) : values.join('/');
}

function notUnderstood(pair: string, expected: string): BackbonesError {
  return new BackbonesError(
    'invalid-option',
    `the convention of an ONNX input: ${JSON.stringify(pair)} is not understood; ${expected}, as in "layout=NCHW,channels=RGB,mean=127.5,std=127.5"`,
  );
}
