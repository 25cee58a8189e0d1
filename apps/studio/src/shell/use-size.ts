/** Size and scroll position of an element, as they change. */
import type { RefObject } from 'preact';
import { useLayoutEffect, useState } from 'preact/hooks';

export interface Viewport {
  readonly width: number;
  readonly height: number;
  readonly top: number;
}

export function useViewport(ref: RefObject<HTMLElement | null>): Viewport {
  const [viewport, setViewport] = useState<Viewport>({ width: 0, height: 0, top: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    let frame = 0;
    const measure = (): void => {
      frame = 0;
      const { clientWidth: width, clientHeight: height, scrollTop: top } = element;
      setViewport((old) =>
        old.width === width && old.height === height && old.top === top ? old : { width, height, top },
      );
    };
    const later = (): void => {
      if (frame === 0) frame = requestAnimationFrame(measure);
    };
    measure();
    const observer = new ResizeObserver(later);
    observer.observe(element);
    element.addEventListener('scroll', later, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      element.removeEventListener('scroll', later);
    };
  }, [ref]);
  return viewport;
}
