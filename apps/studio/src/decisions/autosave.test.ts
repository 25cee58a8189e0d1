import { AuditColumnsBuilder } from '@arcface/cleaner';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Session } from '../session/session.ts';
import { keepDecisions } from './autosave.ts';

/** Four faces of two identities, with a server that keeps decisions in `file`; undefined is a file that is not there yet. */
let file: string | undefined;
let refusal: string | undefined;

beforeEach(() => {
  [file, refusal] = [undefined, undefined];
  vi.stubGlobal('fetch', async (_: string, { method, body }: { method?: string; body?: string }) => {
    if (refusal !== undefined) return new Response(refusal, { status: 500 });
    if (method === 'PUT') file = body;
    return method === 'PUT' || file === undefined
      ? new Response(null, { status: 204 })
      : new Response(file, { status: 200 });
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

function opened(): Session {
  const builder = new AuditColumnsBuilder();
  for (const [key, label] of [
    [1, 0],
    [2, 0],
    [3, 7],
    [4, 7],
  ]) {
    builder.add({
      key,
      label,
      subcenter: 0,
      dominant: 0,
      angle: 30,
      angleNearest: 30,
      decision: 'keep',
      rule: 'angle',
    });
  }
  return new Session({
    title: '',
    columns: builder.finish(),
    merges: [],
    faces: undefined,
    masked: false,
    auditMadeBy: undefined,
    decisionsAddress: 'http://localhost/decisions',
  });
}

const rows = (): object[] =>
  (file ?? '')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line));

// There is no database in Node, as there is none in a private window: the file has to be enough.
describe('decisions that are kept in a file', () => {
  test('are written as they are made', async () => {
    const session = opened();
    const { state, stop } = await keepDecisions(session);
    session.book.decide([2], { decision: 'drop' });
    await vi.waitFor(() => expect(rows()).toEqual([{ key: 3, decision: 'drop' }]), { timeout: 60_000 });
    await vi.waitFor(() => expect(state.value).toBe('saved'), { timeout: 60_000 });
    stop();
  });

  test('stay in it when the audit has no such face or identity', async () => {
    const others = [
      { key: 'other/1.jpg', decision: 'drop' },
      { key: 2, decision: 'relabel', label: 99 },
      { key: 3, decision: 'relabel', label: 98 },
    ];
    file = [
      '{"format":"arcface-decisions","version":1}',
      ...others.map((row) => JSON.stringify(row)),
      '',
    ].join('\n');
    const session = opened();
    const { stop } = await keepDecisions(session);
    session.book.decide([0, 1], { decision: 'keep' });
    const decided = [
      { key: 1, decision: 'keep' },
      { key: 2, decision: 'keep' },
    ];
    await vi.waitFor(() => expect(rows()).toEqual([...decided, others[0], others[2]]), { timeout: 60_000 });
    stop();
  });

  test('are not written over when they cannot be read', async () => {
    [file, refusal] = ['{"key":1,"decision":"drop"}\n', 'EACCES'];
    await expect(keepDecisions(opened())).rejects.toThrow('The file of decisions cannot be read: EACCES');
  });
});
