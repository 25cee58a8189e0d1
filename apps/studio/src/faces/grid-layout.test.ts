import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GridLayout, type GridSection, type StepKey } from './grid-layout.ts';

const SIZE = { tileWidth: 104, tileHeight: 128, headerHeight: 40 };

const sections: fc.Arbitrary<GridSection[]> = fc
  .array(fc.nat(40), { minLength: 1, maxLength: 4 })
  .map((sizes) =>
    sizes.map((size, i) => ({
      title: `${i}`,
      rows: Array.from({ length: size }, (_, row) => 100 * i + row),
    })),
  );

describe('a grid of faces', () => {
  it('shows exactly the tiles that reach into the screen', () => {
    fc.assert(
      fc.property(
        sections,
        fc.integer({ min: 1, max: 1500 }),
        fc.nat(3000),
        fc.nat(900),
        (all, width, from, height) => {
          const layout = new GridLayout(all, { ...SIZE, width });
          const lines = layout.linesBetween(from, from + height);
          const visible = new Set<number>();
          for (const { first, count, top } of lines) {
            expect(count).toBeGreaterThan(0);
            for (let place = first; place < first + count; place++) {
              expect(layout.placeOf(place).y).toBe(top);
              visible.add(place);
            }
          }
          expect(lines.map(({ top }) => top)).toEqual(lines.map(({ top }) => top).sort((a, b) => a - b));
          for (let place = 0; place < layout.length; place++) {
            const { x, y } = layout.placeOf(place);
            expect(x).toBeGreaterThanOrEqual(0);
            expect(y + SIZE.tileHeight).toBeLessThanOrEqual(layout.height);
            const onScreen = y + SIZE.tileHeight > from && y < from + height;
            if (onScreen) expect(visible.has(place)).toBe(true);
            // A line that only touches the border may be there too.
            else if (visible.has(place))
              expect(y + SIZE.tileHeight === from || y === from + height).toBe(true);
          }
        },
      ),
    );
  });

  it('lets arrows go everywhere and never out of it', () => {
    const keys = fc.array(
      fc.constantFrom<StepKey>('ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'),
    );
    fc.assert(
      fc.property(sections, keys, (all, steps) => {
        const layout = new GridLayout(all, { ...SIZE, width: 500 });
        fc.pre(layout.length > 0);
        let place = 0;
        for (const key of steps) {
          const before = layout.placeOf(place);
          const next = layout.step(place, key);
          expect(next).toBeGreaterThanOrEqual(0);
          expect(next).toBeLessThan(layout.length);
          const after = layout.placeOf(next);
          if (key === 'ArrowDown' && next !== place) expect(after.y).toBeGreaterThan(before.y);
          if (key === 'ArrowUp' && next !== place) expect(after.y).toBeLessThan(before.y);
          place = next;
        }
        while (layout.step(place, 'ArrowDown') !== place) place = layout.step(place, 'ArrowDown');
        expect(layout.placeOf(place).y + SIZE.tileHeight).toBe(
          Math.max(...Array.from({ length: layout.length }, (_, i) => layout.placeOf(i).y)) + SIZE.tileHeight,
        );
      }),
    );
  });

  it('costs nothing for what is not on the screen', () => {
    const rows: ArrayLike<number> = { length: 10_000_000 };
    const layout = new GridLayout([{ title: 'all', rows }], { ...SIZE, width: 1000 });
    expect(layout.linesBetween(64_000_000, 64_000_900).length).toBeLessThan(10);
  });
});
