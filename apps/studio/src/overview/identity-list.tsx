/** All identities, the most suspicious first (or as chosen). Only the lines on the screen are made. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { Session } from '../session/session.ts';
import { count, degrees, percent } from '../shell/format.ts';
import { addressOf } from '../shell/route.ts';
import { useViewport } from '../shell/use-size.ts';

const LINE = 44;
const AHEAD = 8;

const ORDERS = {
  suspicion: 'Most suspicious first',
  dropped: 'Most faces to go first',
  label: 'By label',
} as const;
type Order = keyof typeof ORDERS;

export function IdentityList({ session }: { readonly session: Session }) {
  const [order, setOrder] = useState<Order>('suspicion');
  const [search, setSearch] = useState('');
  const { columns, suspicion } = session;
  const outcome = session.outcome.value;
  const positions = useMemo(() => {
    const sorted =
      order === 'suspicion'
        ? Array.from(suspicion.order)
        : Array.from(columns.identities.keys()).sort((a, b) =>
            order === 'dropped' ? outcome.droppedOf[b]! - outcome.droppedOf[a]! || a - b : a - b,
          );
    const wanted = search.trim().toLowerCase();
    return wanted === '' ? sorted : sorted.filter((p) => session.nameOf(p).toLowerCase().includes(wanted));
  }, [session, order, search, order === 'dropped' ? outcome : undefined]);
  const scroller = useRef<HTMLDivElement>(null);
  const { height, top } = useViewport(scroller);
  const first = Math.max(0, Math.floor(top / LINE) - AHEAD);
  const last = Math.min(positions.length, Math.ceil((top + height) / LINE) + AHEAD);
  const share = suspicion.unit === 'share';
  return (
    <section class="card identities" aria-labelledby="identities-title">
      <header>
        <h2 id="identities-title">Identities</h2>
        <input
          type="search"
          placeholder="Find…"
          aria-label="Find an identity"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <select
          aria-label="Order of the identities"
          value={order}
          onChange={(event) => setOrder(event.currentTarget.value as Order)}
        >
          {Object.entries(ORDERS).map(([value, title]) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </select>
      </header>
      <div class="line line-head" aria-hidden="true">
        <span>Identity</span>
        <span>{share ? 'Expected wrong' : 'Mean angle'}</span>
        <span>Go</span>
        <span>Of</span>
      </div>
      <div ref={scroller} class="lines">
        <ul aria-label="Identities" style={{ height: `${positions.length * LINE}px` }}>
          {positions.slice(first, last).map((position, i) => {
            const { label, images } = columns.identities[position]!;
            const value = suspicion.of[position]!;
            const width = share ? value : value / 120;
            return (
              <li key={position} style={{ transform: `translateY(${(first + i) * LINE}px)` }}>
                <a class="line" href={addressOf({ view: 'identity', label })}>
                  <span class="line-name">{session.nameOf(position)}</span>
                  <span class="meter">
                    <i style={{ width: `${Math.min(100, 100 * width)}%` }} />
                    <b>{share ? percent(value) : degrees(value)}</b>
                  </span>
                  <span class={outcome.droppedOf[position] ? 'line-dropped' : ''}>
                    {count(outcome.droppedOf[position]!)}
                    <span class="visually-hidden"> go, of</span>
                  </span>
                  <span>{count(images.length)}</span>
                </a>
              </li>
            );
          })}
        </ul>
      </div>
      {positions.length === 0 && <p class="empty">No identity is called that.</p>}
    </section>
  );
}
