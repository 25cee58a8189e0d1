import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RowDecision } from '../session/verdicts.ts';
import { DecisionBook } from './decision-book.ts';

const step = fc.oneof(
  fc.record({
    kind: fc.constant('decide' as const),
    rows: fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }),
    decision: fc.constantFrom<RowDecision | undefined>(
      { decision: 'keep' },
      { decision: 'drop' },
      { decision: 'relabel', label: 3 },
      undefined,
    ),
  }),
  fc.record({ kind: fc.constant('undo' as const) }),
  fc.record({ kind: fc.constant('redo' as const) }),
);

describe('a book of decisions', () => {
  it('undoes and redoes whole changes, whatever was done', () => {
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const book = new DecisionBook();
        let [past, future]: [Map<number, RowDecision>[], Map<number, RowDecision>[]] = [[], []];
        let now = new Map<number, RowDecision>();
        for (const each of steps) {
          if (each.kind === 'undo') {
            book.undo();
            const before = past.pop();
            if (before !== undefined) {
              future.push(now);
              now = before;
            }
          } else if (each.kind === 'redo') {
            book.redo();
            const after = future.pop();
            if (after !== undefined) {
              past.push(now);
              now = after;
            }
          } else {
            book.decide(each.rows, each.decision);
            past = [...past, now];
            future = [];
            now = new Map(now);
            for (const row of each.rows) {
              if (each.decision === undefined) now.delete(row);
              else now.set(row, each.decision);
            }
          }
          const inOrder = (decisions: ReadonlyMap<number, RowDecision>) =>
            [...decisions].sort(([a], [b]) => a - b);
          expect(inOrder(book.all)).toEqual(inOrder(now));
          expect([book.canUndo, book.canRedo]).toEqual([past.length > 0, future.length > 0]);
        }
      }),
    );
  });
});
