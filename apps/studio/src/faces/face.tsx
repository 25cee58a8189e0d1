/** One face, drawn as soon as its thumbnail is at hand. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Thumbnail, Thumbnails } from './thumbnails.ts';

export function Face({
  thumbnails,
  row,
}: {
  readonly thumbnails: Thumbnails | undefined;
  readonly row: number;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [state, setState] = useState<'waiting' | 'drawn' | 'unreadable'>('waiting');
  useEffect(() => {
    if (thumbnails === undefined) return;
    const draw = (thumbnail: Thumbnail): void => {
      const element = canvas.current;
      if (thumbnail === 'unreadable' || element === null) {
        setState('unreadable');
        return;
      }
      const { width, height } = element;
      const context = element.getContext('2d')!;
      context.imageSmoothingQuality = 'high';
      context.clearRect(0, 0, width, height);
      context.drawImage(thumbnail, 0, 0, width, height);
      setState('drawn');
    };
    const ready = thumbnails.peek(row);
    if (ready !== undefined) return draw(ready);
    setState('waiting');
    return thumbnails.request(row, draw);
  }, [thumbnails, row]);
  const nothing = thumbnails === undefined || state === 'unreadable';
  return (
    <span class={`face ${nothing ? 'face-none' : `face-${state}`}`}>
      <canvas ref={canvas} width={thumbnails?.side} height={thumbnails?.side} />
      {nothing && <span class="face-note">{thumbnails === undefined ? 'no image' : 'unreadable'}</span>}
    </span>
  );
}
