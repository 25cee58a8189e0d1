/**
 * One line of the grid: a canvas with its tiles, and over each tile an element that is a face to keyboard, pointer and screen reader.
 * A line is filled again and again as one scrolls; nothing is made or laid out anew then.
 */
import type { GridLayout, GridLine } from './grid-layout.ts';
import type { Thumbnail, Thumbnails } from './thumbnails.ts';
import { TILE, type TileLook, type TilePainter, type TileState } from './tile-painter.ts';

/** What there is to show. */
export interface GridContent {
  readonly layout: GridLayout;
  readonly thumbnails: Thumbnails | undefined;
  readonly look: (row: number) => TileLook;
  readonly selection: ReadonlySet<number>;
  /** Place of the face that the keyboard is at; -1 for none. */
  readonly focused: number;
  readonly painter: TilePainter;
  /** Width to fill, pixels. */
  readonly width: number;
}

interface Tile {
  readonly element: HTMLElement;
  readonly x: number;
  row: number;
  look: TileLook | undefined;
  face: TileState['face'];
  /** Takes back the wish for its face. */
  cancel: (() => void) | undefined;
}

export class FaceLine {
  readonly element = document.createElement('div');
  readonly #canvas = document.createElement('canvas');
  readonly #context: CanvasRenderingContext2D;
  readonly #tiles: Tile[] = [];
  #line: GridLine | undefined;
  #content: GridContent;

  /** Lines of one grid have the same columns and the same width: `content` may change but in these. */
  constructor(content: GridContent) {
    const { layout, painter, width } = content;
    this.#content = content;
    this.element.className = 'face-line';
    this.element.setAttribute('role', 'presentation');
    this.#canvas.width = Math.ceil(width * painter.scale);
    this.#canvas.height = Math.ceil(TILE.height * painter.scale);
    this.#canvas.setAttribute('aria-hidden', 'true');
    this.#context = this.#canvas.getContext('2d', { alpha: false })!;
    this.#context.setTransform(painter.scale, 0, 0, painter.scale, 0, 0);
    this.element.append(this.#canvas);
    for (let column = 0; column < layout.columns; column++) {
      const x = Math.round((column * width) / layout.columns);
      const element = document.createElement('div');
      element.className = 'tile';
      element.setAttribute('role', 'option');
      element.tabIndex = -1;
      element.style.left = `${x}px`;
      this.element.append(element);
      this.#tiles.push({ element, x, row: -1, look: undefined, face: undefined, cancel: undefined });
    }
  }

  /** What it shows; undefined while it waits to be used again. */
  get line(): GridLine | undefined {
    return this.#line;
  }

  /** Tiles whose face was asked for and is not there. */
  get awaited(): number {
    return this.#tiles.reduce((sum, { cancel }) => sum + Number(cancel !== undefined), 0);
  }

  /** Place of the tile that an element stands for. */
  placeOf(element: Element): number | undefined {
    const column = this.#tiles.findIndex((tile) => tile.element === element);
    return column < 0 || this.#line === undefined ? undefined : this.#line.first + column;
  }

  /** Shows a line of the grid. */
  fill(line: GridLine, content: GridContent): void {
    const { layout, thumbnails, look, selection, painter, width } = content;
    this.#content = content;
    this.#line = line;
    this.element.hidden = false;
    this.element.style.transform = `translateY(${line.top}px)`;
    this.#context.fillStyle = painter.style.surface;
    this.#context.fillRect(0, 0, width, TILE.height);
    this.#tiles.forEach((tile, column) => {
      const place = line.first + column;
      const row = column < line.count ? layout.rowAt(place) : -1;
      if (row !== tile.row) {
        tile.cancel?.();
        tile.cancel = undefined;
        tile.row = row;
      }
      const { element } = tile;
      element.hidden = row < 0;
      element.id = row < 0 ? '' : `face-${row}`;
      if (row < 0) return;
      tile.look = look(row);
      tile.face = thumbnails === undefined ? 'none' : thumbnails.peek(row);
      element.ariaLabel = tile.look.description;
      element.ariaSelected = String(selection.has(row));
      element.ariaPosInSet = String(place + 1);
      element.ariaSetSize = String(layout.length);
      this.#paint(tile, place);
    });
  }

  /** Asks for the faces that are not at hand, and draws each when it comes. */
  request(onDelivered: () => void): void {
    const { thumbnails } = this.#content;
    if (thumbnails === undefined) return;
    this.#tiles.forEach((tile, column) => {
      if (tile.row < 0 || tile.face !== undefined || tile.cancel !== undefined) return;
      tile.cancel = thumbnails.request(tile.row, (face: Thumbnail) => {
        tile.cancel = undefined;
        tile.face = face;
        this.#paint(tile, this.#line!.first + column);
        onDelivered();
      });
    });
  }

  /** Nobody looks at it any more. */
  release(): void {
    this.#line = undefined;
    this.element.hidden = true;
    for (const tile of this.#tiles) {
      tile.cancel?.();
      tile.cancel = undefined;
      tile.row = -1;
      tile.element.id = '';
    }
  }

  #paint({ x, row, look, face }: Tile, place: number): void {
    const { painter, selection, focused } = this.#content;
    painter.paint(this.#context, x, look!, {
      face,
      selected: selection.has(row),
      focused: place === focused,
    });
  }
}
