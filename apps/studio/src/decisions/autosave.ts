/**
 * Decisions are saved as they are made: in the browser (IndexedDB), and with `arcface studio --decisions` in a file as well. One write
 * is under way at a time; what changes meanwhile is written right after it, so a crash loses no more than that.
 */
import { parseDecisions, serializeDecisions } from '@arcface/cleaner';
import { effect, type ReadonlySignal, signal } from '@preact/signals';
import { createStore, get, set, type UseStore } from 'idb-keyval';
import type { Session } from '../session/session.ts';
import type { StudioRule } from '../session/verdicts.ts';
import { auditFingerprint } from './audit-fingerprint.ts';
import { personalDecisions, rowDecisions } from './decision-book.ts';

export type SaveState = 'saved' | 'saving' | 'failed';

let store: UseStore | undefined;

function savedDecisions(): UseStore {
  store ??= createStore('arcface-studio', 'decisions');
  return store;
}

/** The decisions of a session as a file's text. */
export function decisionsText(session: Session): string {
  return serializeDecisions({
    reviewer: session.reviewer.value,
    rule: session.rule.value,
    decisions: personalDecisions(session.columns, session.book),
  });
}

/**
 * Takes up what was decided in this audit before, and saves from then on.
 *
 * @returns How saving goes, and what ends it.
 */
export async function keepDecisions(
  session: Session,
): Promise<{ readonly state: ReadonlySignal<SaveState>; readonly stop: () => void }> {
  const key = auditFingerprint(session.columns);
  const before = await readSaved(session, key);
  if (before !== undefined) takeUp(session, before);
  const state = signal<SaveState>('saved');
  let newest = decisionsText(session);
  let written = before === undefined ? undefined : newest;
  let writing = false;
  const write = async (): Promise<void> => {
    if (writing) return;
    writing = true;
    try {
      while (written !== newest) {
        const text = newest;
        state.value = 'saving';
        await writeSaved(session, key, text);
        written = text;
      }
      state.value = 'saved';
    } catch {
      state.value = 'failed';
    } finally {
      writing = false;
    }
  };
  const stop = effect(() => {
    void session.book.version.value;
    newest = decisionsText(session);
    void write();
  });
  return { state, stop };
}

async function readSaved(session: Session, key: string): Promise<string | undefined> {
  if (session.decisionsAddress !== undefined) {
    const response = await fetch(session.decisionsAddress, { cache: 'no-store' });
    if (response.ok && response.status !== 204) return response.text();
  }
  // Private windows may have no database; then there is nothing to take up.
  return get<string>(key, savedDecisions()).catch(() => undefined);
}

async function writeSaved(session: Session, key: string, text: string): Promise<void> {
  await set(key, text, savedDecisions());
  if (session.decisionsAddress === undefined) return;
  const response = await fetch(session.decisionsAddress, { method: 'PUT', body: text });
  if (!response.ok) throw new Error(`status ${response.status}`);
}

function takeUp(session: Session, text: string): void {
  const { reviewer, rule, decisions } = parseDecisions(text);
  if (reviewer !== undefined) session.reviewer.value = reviewer;
  if (rule?.kind === 'angle' || rule?.kind === 'recorded') session.rule.value = rule satisfies StudioRule;
  session.book.restore(rowDecisions(session.columns, decisions).rows);
}
