import { expect, test } from 'vitest';
import { mxnetFiles } from './mxnet-files.ts';

const pair = (...paths: string[]): (string | undefined)[] => {
  const found = mxnetFiles(paths.map((path) => ({ path, file: new Blob() })));
  return [found?.symbol.path, found?.params.path];
};

test('a symbol goes with the last parameters of its own name', () => {
  expect(pair('m/a-0002.params', 'm/b-0009.params', 'm/b-0010.params', 'm/b-symbol.json')).toEqual([
    'm/b-symbol.json',
    'm/b-0010.params',
  ]);
  expect(pair('b-symbol.json', 'a-symbol.json', 'a-0000.params')).toEqual(['a-symbol.json', 'a-0000.params']);
});

test('two files of different names belong together, one alone does not', () => {
  expect(pair('net-symbol.json', 'weights.params')).toEqual(['net-symbol.json', 'weights.params']);
  expect(pair('net-symbol.json')).toEqual([undefined, undefined]);
});
