/**
 * Draws tiles: a face, a frame and a badge that tell what becomes of it, its angle. Everything but face and angle is the same for all
 * tiles of a kind; it is drawn once, with a hole where the face shows through, and copied from then on.
 */
import { ARROW_PATH, CHECK_PATH, CROSS_PATH } from '../shell/icons.tsx';
import type { Thumbnail } from './thumbnails.ts';
import type { TileStyle } from './tile-style.ts';

/** Pixels of the page. The gap between tiles is in them. */
export const TILE = { width: 104, height: 128 };
const FACE = { left: 7, top: 7, side: 90, radius: 6 };
/** Side of a face in a tile. */
export const FACE_SIDE = FACE.side;
const FRAME = 3;
const BADGE = { x: 84, y: 20, radius: 10, icon: 14 };
const CAPTION = { x: TILE.width / 2, y: 111 };

export interface TileLook {
  /** What becomes of the face. */
  readonly fate: 'keep' | 'drop' | 'relabel';
  /** Who says so. */
  readonly by: 'rule' | 'person';
  readonly caption: string;
  /** For people who do not see it. */
  readonly description: string;
}

export interface TileState {
  /** Undefined while it is awaited; `none` where there is no dataset to read it from. */
  readonly face: Thumbnail | 'none' | undefined;
  readonly selected: boolean;
  readonly focused: boolean;
}

const BADGES = { keep: CHECK_PATH, drop: CROSS_PATH, relabel: ARROW_PATH } as const;

export class TilePainter {
  readonly style: TileStyle;
  /** Device pixels a pixel of the page. */
  readonly scale: number;
  readonly #frames = new Map<string, HTMLCanvasElement>();

  constructor(style: TileStyle, scale: number) {
    this.style = style;
    this.scale = scale;
  }

  /** Draws over whatever was there, with the tile's left edge at `x`. */
  paint(context: CanvasRenderingContext2D, x: number, look: TileLook, state: TileState): void {
    const { style } = this;
    const { left, top, side } = FACE;
    context.fillStyle = style.sunken;
    context.fillRect(x + left, top, side, side);
    if (state.face === 'none' || state.face === 'unreadable') {
      this.#write(context, state.face === 'none' ? 'no image' : 'unreadable', style.muted, {
        x: x + left + side / 2,
        y: top + side / 2,
      });
    } else if (state.face !== undefined) {
      context.globalAlpha = look.fate === 'drop' ? 0.78 : 1;
      context.drawImage(state.face, x + left, top, side, side);
      context.globalAlpha = 1;
    }
    context.drawImage(this.#frame(look, state.selected), x, 0, TILE.width, TILE.height);
    const colour = look.fate === 'drop' ? style.drop : state.selected ? style.text : style.muted;
    this.#write(context, look.caption, colour, { x: x + CAPTION.x, y: CAPTION.y });
    if (state.focused) {
      context.strokeStyle = style.text;
      context.lineWidth = 2;
      context.beginPath();
      context.roundRect(x + 1, 1, TILE.width - 2, TILE.height - 2, 11);
      context.stroke();
    }
  }

  #write(
    context: CanvasRenderingContext2D,
    text: string,
    colour: string,
    { x, y }: { readonly x: number; readonly y: number },
  ): void {
    context.font = this.style.font;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillStyle = colour;
    context.fillText(text, x, y);
  }

  #frame(look: TileLook, selected: boolean): HTMLCanvasElement {
    const kind = `${look.fate} ${look.by} ${selected}`;
    let frame = this.#frames.get(kind);
    if (frame === undefined) {
      frame = this.#drawFrame(look, selected);
      this.#frames.set(kind, frame);
    }
    return frame;
  }

  #drawFrame({ fate, by }: TileLook, selected: boolean): HTMLCanvasElement {
    const { style, scale } = this;
    const canvas = document.createElement('canvas');
    canvas.width = Math.ceil(TILE.width * scale);
    canvas.height = Math.ceil(TILE.height * scale);
    const context = canvas.getContext('2d')!;
    context.scale(scale, scale);
    context.fillStyle = style.surface;
    context.fillRect(0, 0, TILE.width, TILE.height);
    if (selected) {
      context.fillStyle = style.selected;
      context.strokeStyle = style.accent;
      context.lineWidth = 2;
      context.beginPath();
      context.roundRect(1, 1, TILE.width - 2, TILE.height - 2, 11);
      context.fill();
      context.stroke();
    }
    const { left, top, side, radius } = FACE;
    const colour = { keep: style.keep, drop: style.drop, relabel: style.accent }[fate];
    const marked = fate !== 'keep' || by === 'person';
    context.fillStyle = marked ? colour : style.sunken;
    context.beginPath();
    context.roundRect(left - FRAME, top - FRAME, side + 2 * FRAME, side + 2 * FRAME, radius + FRAME);
    context.fill();
    context.globalCompositeOperation = 'destination-out';
    context.beginPath();
    context.roundRect(left, top, side, side, radius);
    context.fill();
    context.globalCompositeOperation = 'source-over';
    if (marked) this.#drawBadge(context, { path: BADGES[fate], colour, filled: by === 'person' });
    return canvas;
  }

  /** Filled: a person said so. */
  #drawBadge(
    context: CanvasRenderingContext2D,
    { path, colour, filled }: { readonly path: string; readonly colour: string; readonly filled: boolean },
  ): void {
    const { x, y, radius, icon } = BADGE;
    context.fillStyle = filled ? colour : this.style.surface;
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.translate(x - icon / 2, y - icon / 2);
    context.scale(icon / 24, icon / 24);
    context.strokeStyle = filled ? this.style.surface : colour;
    context.lineWidth = 3;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.stroke(new Path2D(path));
  }
}
