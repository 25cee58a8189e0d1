/** Faces in sections, to look at, to select, and to go through with the keyboard. */
import type { ReadonlySignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { useViewport } from '../shell/use-size.ts';
import { Face } from './face.tsx';
import { GridLayout, type GridSection, isStepKey } from './grid-layout.ts';
import type { Thumbnails } from './thumbnails.ts';

const TILE = { tileWidth: 104, tileHeight: 128, headerHeight: 40 };
/** Pixels above and below the screen that are prepared. */
const AHEAD = 400;

export interface TileLook {
  /** For the style: what becomes of the face, and who decided. */
  readonly status: string;
  readonly caption: string;
  readonly badge: ComponentChildren;
  /** For people who do not see it. */
  readonly description: string;
}

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
  const { width, height, top } = useViewport(scroller);
  const layout = useMemo(
    () => new GridLayout(sections, { ...TILE, width: Math.max(0, width - 16) }),
    [sections, width],
  );
  const latestFocus = (): number => Math.min(focus.value, layout.length - 1);
  const focused = latestFocus();

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null || focused < 0 || element.clientHeight === 0) return;
    const { y } = layout.placeOf(focused);
    // The first line brings its section's title with it.
    if (y - TILE.headerHeight < element.scrollTop) element.scrollTop = y - TILE.headerHeight;
    const bottom = y + TILE.tileHeight;
    if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  }, [focused, layout]);

  // Whoever comes here can go on with the keyboard at once.
  useEffect(() => scroller.current?.focus({ preventScroll: true }), []);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (!isStepKey(event.key) || layout.length === 0) return;
    event.preventDefault();
    onFocus(layout.step(latestFocus(), event.key), { extend: event.shiftKey, toggle: false });
  };

  const visible = width === 0 ? [] : layout.visible(top - AHEAD, top + height + AHEAD);
  const focusedRow = focused < 0 ? undefined : layout.rowAt(focused);
  return (
    <div
      ref={scroller}
      class="face-scroller"
      role="listbox"
      aria-label={label}
      aria-multiselectable="true"
      aria-activedescendant={focusedRow === undefined ? undefined : `face-${focusedRow}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div class="face-space" role="presentation" style={{ height: `${layout.height}px` }}>
        {layout.sections.map(({ title, top: y, rows }) => (
          <div
            key={title}
            class="section-title"
            role="presentation"
            style={{ transform: `translateY(${y}px)` }}
          >
            {title} <span>{rows.length}</span>
          </div>
        ))}
        {visible.map((place) => {
          const row = layout.rowAt(place);
          const { x, y } = layout.placeOf(place);
          const { status, caption, badge, description } = look(row);
          return (
            // Keys are taken by the list, which has the focus: see aria-activedescendant.
            // biome-ignore lint/a11y/useKeyWithClickEvents: the listbox handles keys
            <div
              key={row}
              id={`face-${row}`}
              role="option"
              tabIndex={-1}
              aria-selected={selection.has(row)}
              aria-label={description}
              class={`tile ${status} ${row === focusedRow ? 'focused' : ''}`}
              style={{ transform: `translate(${x}px, ${y}px)` }}
              onClick={(event) => {
                onFocus(place, { extend: event.shiftKey, toggle: event.ctrlKey || event.metaKey });
                scroller.current?.focus({ preventScroll: true });
              }}
            >
              <Face thumbnails={thumbnails} row={row} />
              <span class="badge">{badge}</span>
              <span class="caption">{caption}</span>
            </div>
          );
        })}
      </div>
    </div>
  );
}
