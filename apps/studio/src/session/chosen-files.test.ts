import { expect, it } from 'vitest';
import { sortFiles, whyNotEnough } from './chosen-files.ts';

const chosen = (...paths: string[]) => sortFiles(paths.map((path) => ({ path, file: new Blob([path]) })));

it('sorts record files and what stands beside them', () => {
  const files = chosen(
    'noisy/train.rec',
    'noisy/train.idx',
    'noisy/other.rec',
    'noisy/property',
    'noisy/identities.json',
    'noisy/log.jsonl',
    'noisy/audit.jsonl',
    'noisy/audit.summary.json',
    'noisy/.DS_Store',
  );
  expect(files.title).toBe('noisy');
  expect(files.records?.path).toBe('noisy/train.rec');
  expect(files.index?.path).toBe('noisy/train.idx');
  expect(files.audit?.path).toBe('noisy/audit.jsonl');
  expect(files.summary?.path).toBe('noisy/audit.summary.json');
  expect(files.property?.path).toBe('noisy/property');
  expect(files.names?.path).toBe('noisy/identities.json');
  expect(files.images.size).toBe(0);
});

it('finds images in folders, by identity and name, and an audit beside them', () => {
  const files = chosen(
    'faces/ada/1.jpg',
    'faces/ada/.hidden.jpg',
    'faces/grace/2.PNG',
    'faces/notes.txt',
    'a.parquet',
  );
  expect([...files.images.keys()]).toEqual(['ada/1.jpg', 'grace/2.PNG']);
  expect(files.audit?.path).toBe('a.parquet');
  expect(files.records).toBeUndefined();
});

it('takes the list beside saved embeddings for no audit', () => {
  const files = chosen('faces/ada/1.jpg', 'e.npy', 'e.jsonl');
  expect(files.audit).toBeUndefined();
  expect(files.models.map(({ path }) => path)).toEqual(['e.npy']);
});

it('refuses two datasets at once, whose images would stand for each other', () => {
  expect(() => chosen('both/one/ada/1.jpg', 'both/two/ada/1.jpg')).toThrow(
    'There are two images ada/1.jpg, the second one both/two/ada/1.jpg.',
  );
});

it('says what is missing of a network, and what is none', () => {
  const why = (...paths: string[]) => whyNotEnough(paths.map((path) => ({ path, file: new Blob() })));
  expect(why()).toBeUndefined();
  expect(why('m/face-0012.params')).toMatch('add face-symbol.json, too');
  expect(why('face-symbol.json')).toMatch('add face-0000.params (or of another epoch), too');
  expect(why('a.txt', 'face.pt')).toMatch('face.pt is not read: a pickle');
  expect(why('a.txt')).toBe('a.txt is neither an audit, a network nor embeddings.');
});
