/**
 * What a person has decided so far, and how to take it back. Rows are the images; a change touches any number of rows and is undone
 * as one.
 */
import { type AuditColumns, keyAt, type PersonalDecision } from '@arcface/cleaner';
import { signal } from '@preact/signals';
import type { RowDecision } from '../session/verdicts.ts';

interface Change {
  readonly rows: readonly number[];
  readonly before: readonly (RowDecision | undefined)[];
  readonly after: readonly (RowDecision | undefined)[];
}

export class DecisionBook {
  /** Grows with every change: whoever reads it in a component is drawn again. */
  readonly version = signal(0);
  readonly #byRow = new Map<number, RowDecision>();
  readonly #done: Change[] = [];
  readonly #undone: Change[] = [];

  /** By row, in the order in which they were made. */
  get all(): ReadonlyMap<number, RowDecision> {
    return this.#byRow;
  }

  get canUndo(): boolean {
    return this.#done.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  /** Decides on rows, or with undefined leaves them to the rule again. */
  decide(rows: readonly number[], decision: RowDecision | undefined): void {
    this.decideEach(rows.map((row) => [row, decision] as const));
  }

  /** Decides on several rows, each in its own way, as one change. */
  decideEach(decisions: readonly (readonly [row: number, decision: RowDecision | undefined])[]): void {
    if (decisions.length === 0) return;
    const rows = decisions.map(([row]) => row);
    const change = {
      rows,
      before: rows.map((row) => this.#byRow.get(row)),
      after: decisions.map(([, decision]) => decision),
    };
    this.#done.push(change);
    this.#undone.length = 0;
    this.#write(rows, change.after);
  }

  /** Starts from decisions that were made before; there is nothing to undo in them. */
  restore(decisions: Iterable<readonly [row: number, decision: RowDecision]>): void {
    this.#byRow.clear();
    this.#done.length = 0;
    this.#undone.length = 0;
    for (const [row, decision] of decisions) this.#byRow.set(row, decision);
    this.version.value++;
  }

  /** @returns The rows that changed, none if there was nothing to undo. */
  undo(): readonly number[] {
    const change = this.#done.pop();
    if (change === undefined) return [];
    this.#undone.push(change);
    // Backwards: a row that stands in a change twice gets back what it had first.
    this.#write(change.rows.toReversed(), change.before.toReversed());
    return change.rows;
  }

  redo(): readonly number[] {
    const change = this.#undone.pop();
    if (change === undefined) return [];
    this.#done.push(change);
    this.#write(change.rows, change.after);
    return change.rows;
  }

  #write(rows: readonly number[], decisions: readonly (RowDecision | undefined)[]): void {
    rows.forEach((row, i) => {
      const decision = decisions[i];
      if (decision === undefined) this.#byRow.delete(row);
      else this.#byRow.set(row, decision);
    });
    this.version.value++;
  }
}

/** Decisions as a file has them: by key, in data order. */
export function personalDecisions(columns: AuditColumns, book: DecisionBook): PersonalDecision[] {
  return [...book.all]
    .sort(([a], [b]) => a - b)
    .map(([row, { decision, label }]) => ({
      key: keyAt(columns.keys, row),
      decision,
      ...(decision === 'relabel' ? { label } : {}),
    }));
}

/** Decisions of a file, by row; those that name no image of the audit, or no identity, are told apart. */
export function rowDecisions(
  columns: AuditColumns,
  decisions: readonly PersonalDecision[],
): { readonly rows: [number, RowDecision][]; readonly unknown: PersonalDecision[] } {
  const wanted = new Map(decisions.map((decision) => [String(decision.key), decision]));
  const labels = new Set(columns.identities.map(({ label }) => label));
  const rows: [number, RowDecision][] = [];
  for (let row = 0; row < columns.images && wanted.size > 0; row++) {
    const key = String(keyAt(columns.keys, row));
    const found = wanted.get(key);
    if (found === undefined) continue;
    const { decision, label } = found;
    if (decision === 'relabel' && !labels.has(label!)) continue;
    wanted.delete(key);
    rows.push([row, decision === 'relabel' ? { decision, label } : { decision }]);
  }
  return { rows, unknown: [...wanted.values()] };
}
