/**
 * Going through faces: where one is, what is selected, and what becomes of that when a decision is made. Plain values, so that it can
 * be tested without a page.
 */
import type { GridSection } from '../faces/grid-layout.ts';

export interface TriageState {
  /** Place among all faces of the view. */
  readonly focus: number;
  /** Where a selection by range began. */
  readonly anchor: number;
  /** Rows. */
  readonly selection: ReadonlySet<number>;
}

export const START: TriageState = { focus: 0, anchor: 0, selection: new Set() };

/** All rows of the view, place by place. */
export function placesOf(sections: readonly GridSection[]): number[] {
  return sections.flatMap(({ rows }) => Array.from(rows));
}

/** Moves to a place; extending selects everything from the anchor on, toggling adds or takes away that one. */
export function moveTo(
  { anchor, selection }: TriageState,
  places: readonly number[],
  focus: number,
  { extend, toggle }: { readonly extend: boolean; readonly toggle: boolean },
): TriageState {
  if (extend) {
    const [from, to] = anchor < focus ? [anchor, focus] : [focus, anchor];
    return { focus, anchor, selection: new Set(places.slice(from, to + 1)) };
  }
  if (toggle) return { focus, anchor: focus, selection: toggled(selection, places[focus]!) };
  return { focus, anchor: focus, selection: new Set() };
}

function toggled(selection: ReadonlySet<number>, row: number): ReadonlySet<number> {
  const next = new Set(selection);
  if (!next.delete(row)) next.add(row);
  return next;
}

/** The rows that a decision is about: what is selected, or else the face one is at. */
export function decidedRows({ selection, focus }: TriageState, places: readonly number[]): number[] {
  if (selection.size > 0) return places.filter((row) => selection.has(row));
  return focus < places.length ? [places[focus]!] : [];
}

/** After a decision: on to the next face, or nothing selected any more. */
export function afterDecision(state: TriageState, places: readonly number[]): TriageState {
  const focus = state.selection.size > 0 ? state.focus : Math.min(places.length - 1, state.focus + 1);
  return { focus, anchor: focus, selection: new Set() };
}
