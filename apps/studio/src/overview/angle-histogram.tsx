/** The histogram of angles, with the threshold to drag: by pointer anywhere on it, by keyboard on the handle. */
import type { AngleEvidence } from '@arcface/cleaner';
import { useMemo, useRef } from 'preact/hooks';
import { count, degrees } from '../shell/format.ts';
import { axisEnd, type Bar, barsOf, LARGE_STEP, onAxis, STEP } from './angle-axis.ts';

const WIDTH = 960;
const HEIGHT = 260;
const FOOT = 26;

export interface AngleHistogramProps {
  readonly evidence: AngleEvidence;
  /** Degrees; undefined while the audit's own decisions stand. */
  readonly threshold: number | undefined;
  readonly automatic: number | undefined;
  /** What the threshold means, for the slider's text. */
  readonly meaning: string;
  readonly onChange: (degrees: number) => void;
}

export function AngleHistogram(props: AngleHistogramProps) {
  const { evidence, threshold, automatic, meaning, onChange } = props;
  const plot = useRef<HTMLDivElement>(null);
  const end = useMemo(() => axisEnd(evidence), [evidence]);
  const bars = useMemo(() => barsOf(evidence, end), [evidence, end]);
  const tallest = bars.reduce((most, bar) => Math.max(most, bar.count), 1);
  const at = threshold ?? automatic ?? 75;
  const x = (angle: number): number => (angle / end) * WIDTH;

  const dragTo = ({ clientX }: PointerEvent): void => {
    const { left, width } = plot.current!.getBoundingClientRect();
    onChange(onAxis(((clientX - left) / width) * end, end));
  };
  const onPointerDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    plot.current!.setPointerCapture(event.pointerId);
    dragTo(event);
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (plot.current!.hasPointerCapture(event.pointerId)) dragTo(event);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: at - STEP,
      ArrowDown: at - STEP,
      ArrowRight: at + STEP,
      ArrowUp: at + STEP,
      PageDown: at - LARGE_STEP,
      PageUp: at + LARGE_STEP,
      Home: 0,
      End: end,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    onChange(onAxis(to, end));
  };

  return (
    <div
      ref={plot}
      class={`histogram ${threshold === undefined ? 'histogram-idle' : ''}`}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
    >
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Histogram of the angles of ${count(evidence.count.reduce((sum, n) => sum + n, 0))} images to the dominant sub-centre of their identity`}
      >
        {bars.map((bar) => (
          <HistogramBar
            key={bar.from}
            bar={bar}
            x={x}
            scale={(HEIGHT - FOOT - 14) / tallest}
            dropped={threshold !== undefined && bar.from >= threshold}
          />
        ))}
        <line class="axis" x1={0} x2={WIDTH} y1={HEIGHT - FOOT} y2={HEIGHT - FOOT} />
      </svg>
      {Array.from({ length: Math.floor(end / 15) + 1 }, (_, i) => 15 * i).map((tick) => (
        <span
          key={tick}
          class={`tick ${tick % 30 === 0 ? '' : 'tick-minor'}`}
          style={{ left: `${(100 * tick) / end}%` }}
          aria-hidden="true"
        >
          {tick}°
        </span>
      ))}
      {automatic !== undefined && (
        <span class="automatic" style={{ left: `${(100 * automatic) / end}%` }}>
          <span>auto {degrees(automatic)}</span>
        </span>
      )}
      <div
        class="threshold"
        role="slider"
        tabIndex={0}
        aria-label="Threshold: drop faces at this angle or more"
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={end}
        aria-valuenow={at}
        aria-valuetext={`${degrees(at)}. ${meaning}`}
        style={{ left: `${(100 * at) / end}%` }}
        onKeyDown={onKeyDown}
      >
        <span class="threshold-label">{degrees(at)}</span>
      </div>
    </div>
  );
}

function HistogramBar({
  bar,
  x,
  scale,
  dropped,
}: {
  readonly bar: Bar;
  readonly x: (angle: number) => number;
  readonly scale: number;
  readonly dropped: boolean;
}) {
  const width = x(bar.to) - x(bar.from) - 1.5;
  const base = HEIGHT - FOOT;
  return (
    <g class={dropped ? 'bar-dropped' : 'bar-kept'}>
      <rect x={x(bar.from)} width={width} y={base - bar.count * scale} height={bar.count * scale} rx={1.5} />
      <rect
        class="bar-bad"
        x={x(bar.from)}
        width={width}
        y={base - bar.bad * scale}
        height={bar.bad * scale}
        rx={1.5}
      />
    </g>
  );
}
