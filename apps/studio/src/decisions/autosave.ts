/**
 * Decisions are saved as they are made: in the browser (IndexedDB), and with `arcface studio --decisions` in a file as well. One write
 * is under way at a time; what changes meanwhile is written right after it, so a crash loses no more than that.
 */
import { type PersonalDecision, parseDecisions, serializeDecisions } from '@arcface/cleaner';
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

/** The decisions of a session as a file's text; behind them those that the audit has no face or identity for. */
export function decisionsText(session: Session, elsewhere: readonly PersonalDecision[] = []): string {
  const own = personalDecisions(session.columns, session.book);
  const decided = new Set(elsewhere.length === 0 ? [] : own.map(({ key }) => String(key)));
  return serializeDecisions({
    reviewer: session.reviewer.value,
    rule: session.rule.value,
    decisions: [...own, ...elsewhere.filter(({ key }) => !decided.has(String(key)))],
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
  // A file of decisions may be of more than this audit: what is not of it stays in the file.
  const elsewhere = before === undefined ? [] : takeUp(session, before);
  const state = signal<SaveState>('saved');
  let newest = decisionsText(session, elsewhere);
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
    newest = decisionsText(session, elsewhere);
    void write();
  });
  return { state, stop };
}

async function readSaved(session: Session, key: string): Promise<string | undefined> {
  if (session.decisionsAddress !== undefined) {
    const response = await fetch(session.decisionsAddress, { cache: 'no-store' });
    // Going on without them would write over them.
    if (!response.ok) throw new Error(`The file of decisions cannot be read: ${await response.text()}`);
    if (response.status !== 204) return response.text();
  }
  return readFromBrowser(key).catch(() => undefined);
}

async function writeSaved(session: Session, key: string, text: string): Promise<void> {
  const kept = keepInBrowser(key, text);
  if (session.decisionsAddress === undefined) return kept;
  // Where there is a file, that is what counts.
  await kept.catch(() => {});
  const response = await fetch(session.decisionsAddress, { method: 'PUT', body: text });
  if (!response.ok) throw new Error(`status ${response.status}`);
}

/** Rejects where there is no database, as in private windows of some browsers. */
async function readFromBrowser(key: string): Promise<string | undefined> {
  return get<string>(key, savedDecisions());
}

async function keepInBrowser(key: string, text: string): Promise<void> {
  await set(key, text, savedDecisions());
}

/** @returns Decisions that the audit has no face or identity for. */
function takeUp(session: Session, text: string): PersonalDecision[] {
  const { reviewer, rule, decisions } = parseDecisions(text);
  if (reviewer !== undefined) session.reviewer.value = reviewer;
  if (rule?.kind === 'angle' || rule?.kind === 'recorded') session.rule.value = rule satisfies StudioRule;
  const { rows, unknown } = rowDecisions(session.columns, decisions);
  session.book.restore(rows);
  return unknown;
}
