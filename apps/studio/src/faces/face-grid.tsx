/** Faces in sections, to look at, to select, and to go through with the keyboard. */
import type { ReadonlySignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { countOf } from '../shell/format.ts';
import { theme } from '../shell/theme.ts';
import { useSize } from '../shell/use-size.ts';
import { FaceLines } from './face-lines.ts';
import { GridLayout, type GridSection, isStepKey } from './grid-layout.ts';
import type { Thumbnails } from './thumbnails.ts';
import { TILE, type TileLook, TilePainter } from './tile-painter.ts';
import { readTileStyle, type TileStyle } from './tile-style.ts';

const HEADER_HEIGHT = 40;
const SIZE = { tileWidth: TILE.width, tileHeight: TILE.height, headerHeight: HEADER_HEIGHT };
/** Left and right of the tiles together, and above them, as the style sheet says. */
const PADDING = 16;
const PADDING_ABOVE = 4;

export interface FaceGridProps {
  readonly label: string;
  readonly sections: readonly GridSection[];
  readonly thumbnails: Thumbnails | undefined;
  readonly look: (row: number) => TileLook;
  /** Place of the face that the keyboard is at. */
  readonly focus: ReadonlySignal<number>;
  readonly selection: ReadonlySet<number>;
  readonly onFocus: (place: number, how: { readonly extend: boolean; readonly toggle: boolean }) => void;
}

export function FaceGrid(props: FaceGridProps) {
  const { label, sections, thumbnails, look, focus, selection, onFocus } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const space = useRef<HTMLDivElement>(null);
  const lines = useRef<FaceLines>(null);
  const width = Math.max(0, useSize(scroller).width - PADDING);
  const painter = usePainter(space);
  const layout = useMemo(() => new GridLayout(sections, { ...SIZE, width }), [sections, width]);
  const latestFocus = (): number => Math.min(focus.value, layout.length - 1);
  const focused = latestFocus();

  useLayoutEffect(() => {
    const made = new FaceLines(scroller.current!, space.current!);
    lines.current = made;
    return () => made.close();
  }, []);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || focused < 0 || element.clientHeight === 0) return;
    const { y } = layout.placeOf(focused);
    // The first line brings its section's title with it.
    if (y - HEADER_HEIGHT < element.scrollTop) element.scrollTop = y - HEADER_HEIGHT;
    const bottom = PADDING_ABOVE + y + TILE.height;
    if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  }, [focused, layout]);

  useLayoutEffect(() => {
    if (width === 0 || painter === undefined) return;
    lines.current!.update({ layout, thumbnails, look, selection, focused, painter, width });
  });

  // Whoever comes here can go on with the keyboard at once.
  useEffect(() => scroller.current?.focus({ preventScroll: true }), []);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (!isStepKey(event.key) || layout.length === 0) return;
    event.preventDefault();
    onFocus(layout.step(latestFocus(), event.key), { extend: event.shiftKey, toggle: false });
  };
  const onClick = (event: MouseEvent): void => {
    const option = (event.target as Element).closest('[role="option"]');
    const place = option === null ? undefined : lines.current!.placeOf(option);
    if (place === undefined) return;
    onFocus(place, { extend: event.shiftKey, toggle: event.ctrlKey || event.metaKey });
    scroller.current?.focus({ preventScroll: true });
  };

  return (
    <div
      ref={scroller}
      class="face-scroller"
      role="listbox"
      aria-label={label}
      aria-multiselectable="true"
      aria-activedescendant={focused < 0 ? undefined : `face-${layout.rowAt(focused)}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onScroll={() => lines.current!.scrolled()}
    >
      <div class="face-space" role="presentation" style={{ height: `${layout.height}px` }}>
        {layout.sections.map(({ title, top, rows }) => (
          <div
            key={title}
            class="section-title"
            role="presentation"
            style={{ transform: `translateY(${top}px)` }}
          >
            {title} <span>{countOf(rows.length, 'face')}</span>
          </div>
        ))}
        <div ref={space} role="presentation" />
      </div>
    </div>
  );
}

/** What draws tiles in the colours that the page has now, and as sharp as the display is. */
function usePainter(place: { readonly current: HTMLElement | null }): TilePainter | undefined {
  const chosen = theme.value;
  const [style, setStyle] = useState<TileStyle>();
  const [scale, setScale] = useState(devicePixelRatio);
  useLayoutEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const contrast = matchMedia('(forced-colors: active)');
    const display = matchMedia(`(resolution: ${scale}dppx)`);
    const read = (): void => setStyle(readTileStyle(place.current!));
    const readScale = (): void => setScale(devicePixelRatio);
    // The page has changed its colours already: the theme is applied as it is chosen.
    void chosen;
    read();
    for (const query of [dark, contrast]) query.addEventListener('change', read);
    display.addEventListener('change', readScale);
    return () => {
      for (const query of [dark, contrast]) query.removeEventListener('change', read);
      display.removeEventListener('change', readScale);
    };
  }, [place, chosen, scale]);
  return useMemo(() => style && new TilePainter(style, scale), [style, scale]);
}
