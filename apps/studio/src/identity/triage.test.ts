import { describe, expect, it } from 'vitest';
import { afterDecision, decidedRows, moveTo, START } from './triage.ts';

const places = [40, 41, 42, 43, 44];
const plain = { extend: false, toggle: false };

describe('going through faces', () => {
  it('decides on the face one is at, and goes on to the next', () => {
    const at = moveTo(START, places, 2, plain);
    expect(decidedRows(at, places)).toEqual([42]);
    expect(afterDecision(at, places).focus).toBe(3);
    expect(afterDecision(moveTo(START, places, 4, plain), places).focus).toBe(4);
  });

  it('decides on all that is selected, stays there, and selects nothing after that', () => {
    const range = moveTo(moveTo(START, places, 3, plain), places, 1, { extend: true, toggle: false });
    expect(decidedRows(range, places)).toEqual([41, 42, 43]);
    const plus = moveTo(range, places, 4, { extend: false, toggle: true });
    expect(decidedRows(plus, places)).toEqual([41, 42, 43, 44]);
    const minus = moveTo(plus, places, 2, { extend: false, toggle: true });
    expect(decidedRows(minus, places)).toEqual([41, 43, 44]);
    expect(afterDecision(minus, places)).toEqual({ focus: 2, anchor: 2, selection: new Set() });
  });

  it('has nothing to decide on where there is no face', () => {
    expect(decidedRows(START, [])).toEqual([]);
  });
});
