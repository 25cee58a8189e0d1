/** One identity: its faces, what becomes of each, and the keyboard to decide. */
import { keyAt } from '@arcface/cleaner';
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { FaceGrid } from '../faces/face-grid.tsx';
import type { TileLook } from '../faces/tile-painter.ts';
import { likelyOthers } from '../session/likely-others.ts';
import type { Session } from '../session/session.ts';
import type { RowDecision } from '../session/verdicts.ts';
import { count, countOf, percent } from '../shell/format.ts';
import { ArrowIcon, BackIcon, CheckIcon, CrossIcon, NextIcon, UndoIcon } from '../shell/icons.tsx';
import { go } from '../shell/route.ts';
import { BesidePanel } from './beside-panel.tsx';
import { identitySections } from './identity-sections.ts';
import { angleText, rowStatus } from './row-status.ts';
import { afterDecision, decidedRows, moveTo, placesOf, START, type TriageState } from './triage.ts';

export function IdentityView({ session, label }: { readonly session: Session; readonly label: number }) {
  const position = session.positionOf.get(label);
  return position === undefined ? (
    <main id="main" class="page">
      <h1>There is no identity {label}</h1>
      <p>
        <a href="#/overview">Back to the overview</a>
      </p>
    </main>
  ) : (
    <Identity key={label} session={session} position={position} />
  );
}

function Identity({ session, position }: { readonly session: Session; readonly position: number }) {
  const { columns, book, merges, suspicion } = session;
  const version = book.version.value;
  const moves = session.moves.value;
  const outcome = session.outcome.value;
  const { label, images } = columns.identities[position]!;
  const [beside, setBeside] = useState(() => likelyOthers(columns, position, merges)[0]?.label);
  // A signal: keys may come faster than the view is drawn, and each must find what the one before it did.
  const triage = useSignal<TriageState>(START);
  const focus = useComputed(() => triage.value.focus);
  // Faces that were moved here come and go with decisions; all others stay where they are.
  const sections = useMemo(
    () => identitySections(columns, position, { decisions: book.all, moves }),
    [columns, position, book, version, moves],
  );
  const places = useMemo(() => placesOf(sections), [sections]);

  const decide = (decision: RowDecision | undefined): void => {
    const rows = decidedRows(triage.value, places);
    if (rows.length === 0) return;
    book.decide(rows, decision);
    triage.value = afterDecision(triage.value, places);
  };
  const select = (rows: readonly number[]): void => {
    triage.value = { ...triage.value, selection: new Set(rows) };
  };
  const move = (place: number, how: { readonly extend: boolean; readonly toggle: boolean }): void => {
    triage.value = moveTo(triage.value, places, place, how);
  };
  const relabel = (): void => {
    if (beside !== undefined) decide({ decision: 'relabel', label: beside });
  };
  const neighbour = (step: 1 | -1): void => {
    const { order } = suspicion;
    const at = order.indexOf(position);
    const next = order[(at + step + order.length) % order.length]!;
    go({ view: 'identity', label: columns.identities[next]!.label });
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.altKey) return;
    const key = event.key.toLowerCase();
    const held = event.ctrlKey || event.metaKey;
    const actions: Readonly<Record<string, () => void>> = held
      ? {
          a: () => select(places),
          z: () => (event.shiftKey ? book.redo() : book.undo()),
        }
      : {
          k: () => decide({ decision: 'keep' }),
          d: () => decide({ decision: 'drop' }),
          r: relabel,
          u: () => decide(undefined),
          n: () => neighbour(1),
          p: () => neighbour(-1),
          z: () => book.undo(),
          y: () => book.redo(),
          a: () => select(places),
          ' ': () => move(triage.value.focus, { extend: false, toggle: true }),
          escape: () => select([]),
        };
    const action = actions[key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  };
  useGlobalKeys(onKey);

  const look = (row: number): TileLook => {
    const { fate, by, to } = rowStatus(session, row);
    const words = { keep: 'stays', drop: 'goes', relabel: `moves to ${to}` };
    const suggested = columns.suggestedLabel[row]!;
    const p = columns.pClean?.[row] ?? Number.NaN;
    return {
      fate,
      by,
      caption: angleText(columns, row),
      description: [
        `Face ${keyAt(columns.keys, row)}, ${angleText(columns, row)}`,
        `${words[fate]}${by === 'person' ? ', decided by you' : ''}`,
        ...(Number.isNaN(p) ? [] : [`${percent(p)} right`]),
        ...(suggested < 0
          ? []
          : [`suggested: ${session.nameOf(session.positionOf.get(suggested) ?? position)}`]),
      ].join(', '),
    };
  };

  const besidePosition = beside === undefined ? undefined : session.positionOf.get(beside);
  const selected = triage.value.selection.size;
  const about = selected > 0 ? countOf(selected, 'face') : 'this face';
  return (
    <main class="identity" id="main">
      <header class="identity-head">
        <button type="button" class="quiet" aria-label="Previous identity (p)" onClick={() => neighbour(-1)}>
          <BackIcon />
        </button>
        <div>
          <h1>{session.nameOf(position)}</h1>
          <p>
            {countOf(images.length, 'face')}, {count(outcome.droppedOf[position]!)}{' '}
            {outcome.droppedOf[position] === 1 ? 'goes' : 'go'}
            {suspicion.unit === 'share' && <>, {percent(suspicion.of[position])} expected to be wrong</>}
          </p>
        </div>
        <button type="button" class="quiet" aria-label="Next identity (n)" onClick={() => neighbour(1)}>
          <NextIcon />
        </button>
      </header>
      <section class="identity-faces card" aria-label="Faces">
        {session.thumbnails?.fault !== undefined && (
          <p class="fault" role="alert">
            The faces cannot be read: {session.thumbnails.fault}.
          </p>
        )}
        <FaceGrid
          label={`Faces of ${session.nameOf(position)}`}
          sections={sections}
          thumbnails={session.thumbnails}
          look={look}
          focus={focus}
          selection={triage.value.selection}
          onFocus={move}
        />
        <div class="actions" role="toolbar" aria-label={`Decide on ${about}`}>
          <button type="button" class="action-keep" onClick={() => decide({ decision: 'keep' })}>
            <CheckIcon /> Keep <kbd>k</kbd>
          </button>
          <button type="button" class="action-drop" onClick={() => decide({ decision: 'drop' })}>
            <CrossIcon /> Drop <kbd>d</kbd>
          </button>
          <button
            type="button"
            class="action-relabel"
            disabled={besidePosition === undefined}
            onClick={relabel}
          >
            <ArrowIcon /> {besidePosition === undefined ? 'Move' : `To ${session.nameOf(besidePosition)}`}{' '}
            <kbd>r</kbd>
          </button>
          <button type="button" onClick={() => decide(undefined)}>
            Undecide <kbd>u</kbd>
          </button>
          <button type="button" disabled={!book.canUndo} onClick={() => book.undo()}>
            <UndoIcon /> Undo <kbd>z</kbd>
          </button>
          <span class="selected" aria-live="polite">
            {selected > 0 ? `${count(selected)} selected` : ''}
          </span>
        </div>
      </section>
      <BesidePanel
        session={session}
        position={position}
        beside={beside}
        onChoose={setBeside}
        onRelabel={(rows) => book.decide(rows, { decision: 'relabel', label: beside })}
        onMerge={() => {
          const staying = images.filter((row) => rowStatus(session, row).fate === 'keep');
          book.decide(Array.from(staying), { decision: 'relabel', label: beside });
        }}
      />
      <p class="visually-hidden">Identity {label}. Press question mark for the keys.</p>
    </main>
  );
}

/** Keys work wherever the focus is, but in text fields. */
function useGlobalKeys(onKey: (event: KeyboardEvent) => void): void {
  const latest = useRef(onKey);
  latest.current = onKey;
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (target.closest('input, select, textarea, dialog') || event.defaultPrevented) return;
      // A button does what it is for on space.
      if (event.key === ' ' && target.closest('button, a')) return;
      latest.current(event);
    };
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);
}
