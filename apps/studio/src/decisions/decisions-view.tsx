/** What has been decided: to look through, take back, hand on as a file, and put together with somebody else's. */
import {
  type DecisionConflict,
  keyAt,
  mergeDecisions,
  type PersonalDecision,
  parseDecisions,
} from '@arcface/cleaner';
import { useMemo, useRef, useState } from 'preact/hooks';
import { download } from '../export/output-files.ts';
import { Face } from '../faces/face.tsx';
import type { Session } from '../session/session.ts';
import type { RowDecision } from '../session/verdicts.ts';
import { count, countOf } from '../shell/format.ts';
import { ArrowIcon, CheckIcon, CrossIcon, UndoIcon } from '../shell/icons.tsx';
import { addressOf } from '../shell/route.ts';
import { useViewport } from '../shell/use-size.ts';
import { decisionsText } from './autosave.ts';
import { personalDecisions, rowDecisions } from './decision-book.ts';

const LINE = 64;
const AHEAD = 6;
/** On the page at a time. */
const MOST_CONFLICTS = 200;

interface Imported {
  readonly file: string;
  readonly reviewer: string;
  readonly taken: number;
  readonly unknown: number;
  readonly conflicts: readonly DecisionConflict[];
}

export function DecisionsView({ session }: { readonly session: Session }) {
  const { book, columns } = session;
  void book.version.value;
  const [imported, setImported] = useState<Imported>();
  const [fault, setFault] = useState<string>();
  const decisions = personalDecisions(columns, book);
  const of = (wanted: PersonalDecision['decision']): number =>
    decisions.reduce((sum, { decision }) => sum + Number(decision === wanted), 0);

  const take = async (file: File): Promise<void> => {
    try {
      setImported(importDecisions(session, file.name, await file.text()));
      setFault(undefined);
    } catch (error) {
      setFault(`${file.name}, ${(error as Error).message}.`);
    }
  };
  return (
    <main class="page" id="main">
      <header class="page-head">
        <div>
          <h1>Decisions</h1>
          <p class="note">
            {decisions.length === 0
              ? 'Nothing decided yet: the rule decides on every face.'
              : `${countOf(decisions.length, 'face')} decided: ${count(of('keep'))} kept, ${count(of('drop'))} dropped, ${count(of('relabel'))} moved. Saved as you go.`}
          </p>
        </div>
        <label class="reviewer">
          Your name
          <input
            type="text"
            value={session.reviewer.value}
            placeholder="goes into the file"
            onInput={(event) => {
              session.reviewer.value = event.currentTarget.value;
            }}
          />
        </label>
      </header>
      <div class="buttons">
        <button
          type="button"
          class="primary"
          onClick={() =>
            download('review.json', new Blob([decisionsText(session)], { type: 'application/json' }))
          }
        >
          Export review.json
        </button>
        <FileButton accept=".json,.jsonl" onFile={take}>
          Import or merge…
        </FileButton>
        <button type="button" disabled={!book.canUndo} onClick={() => book.undo()}>
          <UndoIcon /> Undo
        </button>
        <button
          type="button"
          disabled={decisions.length === 0}
          onClick={() => book.decide([...book.all.keys()], undefined)}
        >
          Take all back
        </button>
      </div>
      {fault !== undefined && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      {imported !== undefined && <Conflicts session={session} imported={imported} onChange={setImported} />}
      {decisions.length > 0 && <DecisionList session={session} />}
      <p class="note">
        The file is for <code>arcface drop --data … --audit … --decisions review.json --output clean</code>,
        too: it writes the same dataset as Export does here.
      </p>
    </main>
  );
}

/** Takes over what does not conflict; conflicts are left to be settled. */
function importDecisions(session: Session, file: string, text: string): Imported {
  const { book, columns } = session;
  const { reviewer = 'The file', decisions } = parseDecisions(text);
  const { rows, unknown } = rowDecisions(columns, decisions);
  const known = rows.map(([row, { decision, label }]) => ({
    key: keyAt(columns.keys, row),
    decision,
    label,
  }));
  const { agreed, conflicts } = mergeDecisions(personalDecisions(columns, book), known);
  const fresh = rowDecisions(columns, agreed).rows.filter(([row]) => !book.all.has(row));
  book.decideEach(fresh);
  return { file, reviewer, taken: fresh.length, unknown: unknown.length, conflicts };
}

function Conflicts({
  session,
  imported,
  onChange,
}: {
  readonly session: Session;
  readonly imported: Imported;
  readonly onChange: (imported: Imported) => void;
}) {
  const { file, reviewer, taken, unknown, conflicts } = imported;
  // Keys are looked for in all rows: once, not for every face.
  const rowOf = useMemo(
    () =>
      new Map(
        rowDecisions(
          session.columns,
          conflicts.map(({ key }) => ({ key, decision: 'keep' as const })),
        ).rows.map(([row]) => [String(keyAt(session.columns.keys, row)), row]),
      ),
    [session, conflicts],
  );
  const settle = (settled: readonly DecisionConflict[], whose: 'ours' | 'theirs'): void => {
    if (whose === 'theirs') {
      session.book.decideEach(
        rowDecisions(
          session.columns,
          settled.map(({ theirs }) => theirs),
        ).rows,
      );
    }
    onChange({ ...imported, conflicts: conflicts.filter((each) => !settled.includes(each)) });
  };
  return (
    <section class="card" aria-labelledby="merge-title">
      <h2 id="merge-title">From {file}</h2>
      <p class="note" role="status">
        {countOf(taken, 'decision')} taken over.{' '}
        {unknown > 0 && `${countOf(unknown, 'decision')} left out: no such face or identity in this audit. `}
        {conflicts.length === 0
          ? 'Nothing to settle.'
          : `${countOf(conflicts.length, 'face')} decided differently:`}
      </p>
      {conflicts.length > 0 && (
        <>
          <div class="buttons">
            <button type="button" onClick={() => settle(conflicts, 'ours')}>
              Keep all of yours
            </button>
            <button type="button" onClick={() => settle(conflicts, 'theirs')}>
              Take all of theirs
            </button>
          </div>
          <ul class="conflicts">
            {conflicts.slice(0, MOST_CONFLICTS).map((conflict) => (
              <li key={conflict.key}>
                {rowOf.has(String(conflict.key)) && (
                  <Face thumbnails={session.thumbnails} row={rowOf.get(String(conflict.key))!} />
                )}
                <button type="button" onClick={() => settle([conflict], 'ours')}>
                  You: <DecisionWords session={session} decision={conflict.ours} />
                </button>
                <button type="button" onClick={() => settle([conflict], 'theirs')}>
                  {reviewer}: <DecisionWords session={session} decision={conflict.theirs} />
                </button>
              </li>
            ))}
          </ul>
          {conflicts.length > MOST_CONFLICTS && (
            <p class="note">The first {MOST_CONFLICTS} are shown; more follow as these are settled.</p>
          )}
        </>
      )}
    </section>
  );
}

function DecisionWords({ session, decision }: { readonly session: Session; readonly decision: RowDecision }) {
  const target = decision.label === undefined ? undefined : session.positionOf.get(decision.label);
  const to = target === undefined ? decision.label : session.nameOf(target);
  return (
    <span class={`words words-${decision.decision}`}>
      {decision.decision === 'keep' && (
        <>
          <CheckIcon /> keep
        </>
      )}
      {decision.decision === 'drop' && (
        <>
          <CrossIcon /> drop
        </>
      )}
      {decision.decision === 'relabel' && (
        <>
          <ArrowIcon /> to {to}
        </>
      )}
    </span>
  );
}

/** The latest first. */
function DecisionList({ session }: { readonly session: Session }) {
  const { book, columns } = session;
  // Read here, too: a component whose properties stay the same is drawn again only for what it reads itself.
  void book.version.value;
  const scroller = useRef<HTMLDivElement>(null);
  const { height, top } = useViewport(scroller);
  const entries = [...book.all].reverse();
  const first = Math.max(0, Math.floor(top / LINE) - AHEAD);
  const last = Math.min(entries.length, Math.ceil((top + height) / LINE) + AHEAD);
  return (
    <section class="card decided" aria-labelledby="decided-title">
      <h2 id="decided-title">Decided by you</h2>
      <div ref={scroller} class="lines">
        <ul style={{ height: `${entries.length * LINE}px` }}>
          {entries.slice(first, last).map(([row, decision], i) => {
            const position = columns.identityOf[row]!;
            return (
              <li key={row} class="decision" style={{ transform: `translateY(${(first + i) * LINE}px)` }}>
                <Face thumbnails={session.thumbnails} row={row} />
                <span class="decision-name">
                  <a href={addressOf({ view: 'identity', label: columns.labels[row]! })}>
                    {session.nameOf(position)}
                  </a>
                  <small>{keyAt(columns.keys, row)}</small>
                </span>
                <DecisionWords session={session} decision={decision} />
                <button
                  type="button"
                  class="quiet"
                  aria-label="Take back"
                  onClick={() => book.decide([row], undefined)}
                >
                  <UndoIcon />
                </button>
              </li>
            );
          })}
        </ul>
      </div>
    </section>
  );
}

function FileButton({
  accept,
  onFile,
  children,
}: {
  readonly accept: string;
  readonly onFile: (file: File) => void;
  readonly children: string;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" onClick={() => input.current?.click()}>
        {children}
      </button>
      <input
        ref={input}
        type="file"
        accept={accept}
        class="visually-hidden"
        tabIndex={-1}
        aria-label={children}
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          if (file !== undefined) onFile(file);
          currentTarget.value = '';
        }}
      />
    </>
  );
}
