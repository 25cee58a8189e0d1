/**
 * The lines of a grid that are on the screen, as one scrolls. A few are made and used again and again. Who rushes sees what becomes of
 * each face and its angle; a face that would be gone before one has seen it is not read, and comes as soon as one slows down.
 */
import { FaceLine, type GridContent } from './face-line.ts';
import type { GridLine } from './grid-layout.ts';

/** Pixels above and below the screen that are prepared. */
const AHEAD = 256;
/** Screens a second above which faces are not read: each would be there for a quarter of a second. */
const RUSHING = 4;
/** Milliseconds without a movement after which one looks. */
const LOOKING = 80;

export class FaceLines {
  readonly #list: HTMLElement;
  readonly #space: HTMLElement;
  #content: GridContent | undefined;
  #lines: FaceLine[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last = { top: 0, at: 0, step: 0, fast: false };

  /**
   * @param list What scrolls.
   * @param space An element in it that is as high as the grid and that nobody else fills.
   */
  constructor(list: HTMLElement, space: HTMLElement) {
    this.#list = list;
    this.#space = space;
  }

  /** Shows other content, or the same with another look. */
  update(content: GridContent): void {
    const old = this.#content;
    this.#content = content;
    const { layout, width, painter } = content;
    if (
      old?.layout.columns !== layout.columns ||
      old.width !== width ||
      old.painter.scale !== painter.scale ||
      old.thumbnails !== content.thumbnails
    ) {
      this.#clear();
    }
    this.#show({ rushing: false, anew: true });
  }

  /** Follows the list as it scrolls. */
  scrolled(): void {
    const { scrollTop: top, clientHeight: height } = this.#list;
    const now = performance.now();
    const step = top - this.#last.top;
    const fast = Math.abs(step) / (now - this.#last.at) > (RUSHING * height) / 1000;
    // One leap is no rush: somebody wants to be there.
    const rushing = fast && this.#last.fast;
    this.#last = { top, at: now, step, fast };
    clearTimeout(this.#timer);
    if (this.#content === undefined) return;
    this.#show({ rushing, anew: false });
    this.#timer = setTimeout(() => {
      this.#last = { ...this.#last, step: 0, fast: false };
      this.#show({ rushing: false, anew: false });
      this.#sort();
    }, LOOKING);
  }

  /** Place of the tile that an element of a line stands for. */
  placeOf(element: Element): number | undefined {
    for (const each of this.#lines) {
      const place = each.placeOf(element);
      if (place !== undefined) return place;
    }
    return undefined;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#clear();
    this.#content = undefined;
  }

  #clear(): void {
    for (const each of this.#lines) each.release();
    this.#lines = [];
    this.#space.replaceChildren();
  }

  /** @param how.anew Whether lines that stay have to be drawn again, too. */
  #show({ rushing, anew }: { readonly rushing: boolean; readonly anew: boolean }): void {
    const content = this.#content!;
    const wanted = this.#wanted(content, rushing);
    const free: FaceLine[] = [];
    for (const each of this.#lines) {
      const stays = each.line && wanted.get(each.line.first);
      if (stays === undefined) free.push(each);
      else {
        wanted.delete(stays.first);
        if (anew) each.fill(stays, content);
      }
    }
    for (const line of wanted.values()) {
      const each = free.pop() ?? this.#add(content);
      each.fill(line, content);
    }
    for (const each of free) if (each.line !== undefined) each.release();
    if (!rushing) for (const each of this.#lines) each.request(this.#tellBusy);
    this.#tellBusy(rushing);
  }

  /** The lines to show, by their first tile. */
  #wanted({ layout }: GridContent, rushing: boolean): Map<number, GridLine> {
    const { scrollTop: top, clientHeight: height } = this.#list;
    const ahead = rushing ? 0 : AHEAD;
    const lines = layout.linesBetween(top - ahead, top + height + ahead);
    if (rushing) {
      // What is drawn now is seen a frame later, further on.
      const next = top + this.#last.step;
      lines.push(...layout.linesBetween(next, next + height));
    }
    return new Map(lines.map((line) => [line.first, line]));
  }

  #add(content: GridContent): FaceLine {
    const line = new FaceLine(content);
    this.#lines.push(line);
    this.#space.append(line.element);
    return line;
  }

  /** In the order in which they are read out. */
  #sort(): void {
    const shown = this.#lines
      .filter(({ line }) => line !== undefined)
      .sort((a, b) => a.line!.first - b.line!.first);
    const elements = shown.map(({ element }) => element);
    const before = [...this.#space.children].filter((element) => elements.some((each) => each === element));
    if (elements.some((element, i) => element !== before[i])) this.#space.append(...elements);
  }

  readonly #tellBusy = (rushing = false): void => {
    const busy = String(rushing || this.#lines.some(({ awaited }) => awaited > 0));
    if (this.#list.ariaBusy !== busy) this.#list.ariaBusy = busy;
  };
}
