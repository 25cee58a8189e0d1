import { expect, it } from 'vitest';
import { sortFiles } from './chosen-files.ts';

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
