/** Size and scroll position of an element, as they change. */
import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

export interface Viewport {
  readonly width: number;
  readonly height: number;
  readonly top: number;
}

/** For lists whose lines are made as one scrolls. */
export function useViewport(ref: RefObject<HTMLElement | null>): Viewport {
  return useMeasured(ref, { width: 0, height: 0, top: 0 }, measureViewport);
}

/** Without the scroll position: a view is not drawn again for that. */
export function useSize(ref: RefObject<HTMLElement | null>): Omit<Viewport, 'top'> {
  return useMeasured(ref, { width: 0, height: 0 }, measureSize);
}

function measureViewport(element: HTMLElement): Viewport {
  return { ...measureSize(element), top: element.scrollTop };
}

function measureSize({ clientWidth: width, clientHeight: height }: HTMLElement): Omit<Viewport, 'top'> {
  return { width, height };
}

/** @param measure The same function each time. */
function useMeasured<T extends object>(
  ref: RefObject<HTMLElement | null>,
  initial: T,
  measure: (element: HTMLElement) => T,
): T {
  const [measured, setMeasured] = useState(initial);
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    let frame = 0;
    const update = (): void => {
      frame = 0;
      const now = measure(element);
      setMeasured((old) => (isSame(old, now) ? old : now));
    };
    const later = (): void => {
      if (frame === 0) frame = requestAnimationFrame(update);
    };
    update();
    const observer = new ResizeObserver(later);
    observer.observe(element);
    if ('top' in initial) element.addEventListener('scroll', later, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      element.removeEventListener('scroll', later);
    };
  }, [ref, measure]);
  return measured;
}

function isSame<T extends object>(a: T, b: T): boolean {
  return (Object.keys(a) as (keyof T)[]).every((name) => a[name] === b[name]);
}
