/**
 * Where tiles stand in a grid of sections, by arithmetic alone: a hundred thousand tiles cost as much as ten, since only those on the
 * screen are ever made.
 */

export interface GridSection {
  readonly title: string;
  /** What stands in it, in order. */
  readonly rows: ArrayLike<number>;
}

export interface GridSize {
  /** Width to fill, pixels. */
  readonly width: number;
  /** Least width of a tile with the gap beside it, and its height with the gap below. */
  readonly tileWidth: number;
  readonly tileHeight: number;
  readonly headerHeight: number;
}

const STEP_KEYS = ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'] as const;
export type StepKey = (typeof STEP_KEYS)[number];

export function isStepKey(key: string): key is StepKey {
  return STEP_KEYS.some((each) => each === key);
}

export interface PlacedSection extends GridSection {
  /** Place of its first tile among all. */
  readonly first: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

/** Tiles side by side. */
export interface GridLine {
  /** Place of its first tile among all. */
  readonly first: number;
  /** Tiles in it: as many as there are columns, or fewer at a section's end. */
  readonly count: number;
  readonly top: number;
}

export class GridLayout {
  readonly columns: number;
  readonly sections: readonly PlacedSection[];
  readonly height: number;
  readonly length: number;
  readonly #size: GridSize;

  constructor(sections: readonly GridSection[], size: GridSize) {
    this.#size = size;
    this.columns = Math.max(1, Math.floor(size.width / size.tileWidth));
    let [top, first] = [0, 0];
    this.sections = sections.map((section) => {
      const lines = Math.ceil(section.rows.length / this.columns);
      const placed = { ...section, first, top, bottom: top + size.headerHeight + lines * size.tileHeight };
      top = placed.bottom;
      first += section.rows.length;
      return placed;
    });
    this.height = top;
    this.length = first;
  }

  /** What stands at a place among all tiles. */
  rowAt(place: number): number {
    const section = this.#sectionOf(place);
    return section.rows[place - section.first]!;
  }

  /** Upper left corner of a tile. */
  placeOf(place: number): Place {
    const { tileHeight, headerHeight, width } = this.#size;
    const section = this.#sectionOf(place);
    const within = place - section.first;
    return {
      x: (within % this.columns) * (width / this.columns),
      y: section.top + headerHeight + Math.floor(within / this.columns) * tileHeight,
    };
  }

  /** The lines between two heights, from top to bottom. */
  linesBetween(from: number, to: number): GridLine[] {
    const { tileHeight, headerHeight } = this.#size;
    const lines: GridLine[] = [];
    for (const { rows, first, top, bottom } of this.sections) {
      if (bottom < from || top > to) continue;
      const content = top + headerHeight;
      const start = Math.max(0, Math.floor((from - content) / tileHeight));
      for (let line = start; line * this.columns < rows.length; line++) {
        const y = content + line * tileHeight;
        if (y > to) break;
        const within = line * this.columns;
        lines.push({ first: first + within, count: Math.min(this.columns, rows.length - within), top: y });
      }
    }
    return lines;
  }

  /** Where a step leads: within lines and from line to line, also across sections. */
  step(place: number, key: StepKey): number {
    const last = this.length - 1;
    switch (key) {
      case 'Home':
        return 0;
      case 'End':
        return last;
      case 'ArrowLeft':
        return Math.max(0, place - 1);
      case 'ArrowRight':
        return Math.min(last, place + 1);
      default:
        return this.#otherLine(place, key === 'ArrowUp' ? -1 : 1);
    }
  }

  #otherLine(place: number, direction: 1 | -1): number {
    const section = this.#sectionOf(place);
    const within = place - section.first;
    const column = within % this.columns;
    const line = Math.floor(within / this.columns) + direction;
    const lastLine = Math.floor((section.rows.length - 1) / this.columns);
    if (line >= 0 && line <= lastLine) {
      return section.first + Math.min(section.rows.length - 1, line * this.columns + column);
    }
    const filled = this.sections.filter(({ rows }) => rows.length > 0);
    const neighbour = filled[filled.indexOf(section) + direction];
    if (neighbour === undefined) return place;
    const count = neighbour.rows.length;
    const start = direction === 1 ? 0 : Math.floor((count - 1) / this.columns) * this.columns;
    return neighbour.first + Math.min(count - 1, start + column);
  }

  #sectionOf(place: number): PlacedSection {
    return this.sections.find(({ first, rows }) => place < first + rows.length)!;
  }
}
