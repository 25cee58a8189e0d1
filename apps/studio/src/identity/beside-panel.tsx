/** The identity beside: the one that these faces may belong to, for comparing, moving faces to it, or making both one. */
import { useMemo, useState } from 'preact/hooks';
import { Face } from '../faces/face.tsx';
import { type LikelyOther, likelyOthers } from '../session/likely-others.ts';
import type { Session } from '../session/session.ts';
import { count, countOf, percent } from '../shell/format.ts';
import { ArrowIcon } from '../shell/icons.tsx';
import { addressOf } from '../shell/route.ts';
import { angleText } from './row-status.ts';

const SHOWN = 12;
const OFFERED = 5;
const FOUND = 12;

export interface BesidePanelProps {
  readonly session: Session;
  readonly position: number;
  /** Label of the identity beside. */
  readonly beside: number | undefined;
  readonly onChoose: (label: number) => void;
  /** Moves these rows to the identity beside. */
  readonly onRelabel: (rows: readonly number[]) => void;
  /** Moves all that stays to the identity beside. */
  readonly onMerge: () => void;
}

export function BesidePanel({ session, position, beside, onChoose, onRelabel, onMerge }: BesidePanelProps) {
  const { columns, merges, positionOf } = session;
  const likely = useMemo(() => likelyOthers(columns, position, merges), [columns, position, merges]);
  const other = beside === undefined ? undefined : positionOf.get(beside);
  const why = likely.find(({ label }) => label === beside);
  return (
    <aside class="beside card" aria-labelledby="beside-title">
      <header>
        <h2 id="beside-title">Beside it</h2>
        <IdentityPicker session={session} except={position} onChoose={onChoose} />
      </header>
      {likely.length > 1 && (
        <p class="chips">
          {likely.slice(0, OFFERED).map(({ label }) => (
            <button key={label} type="button" aria-pressed={label === beside} onClick={() => onChoose(label)}>
              {session.nameOf(positionOf.get(label)!)}
            </button>
          ))}
        </p>
      )}
      {other === undefined ? (
        <p class="empty">
          The audit names no other identity that these faces may belong to. Find one to compare with.
        </p>
      ) : (
        <>
          <p class="beside-name">
            <a href={addressOf({ view: 'identity', label: beside! })}>{session.nameOf(other)}</a>{' '}
            <span>{countOf(columns.identities[other]!.images.length, 'face')}</span>
          </p>
          <Reason why={why} name={session.nameOf(other)} />
          <div class="beside-faces">
            {typicalRows(session, other).map((row) => (
              <figure key={row}>
                <Face thumbnails={session.thumbnails} row={row} />
                <figcaption>{angleText(columns, row)}</figcaption>
              </figure>
            ))}
          </div>
          <div class="beside-actions">
            {why !== undefined && why.suggested.length > 0 && (
              <button type="button" class="primary" onClick={() => onRelabel(why.suggested)}>
                <ArrowIcon />{' '}
                {why.suggested.length === 1
                  ? 'Move the suggested face'
                  : `Move the ${count(why.suggested.length)} suggested faces`}
              </button>
            )}
            <button
              type="button"
              class={why?.mergeProbability === undefined ? '' : 'primary'}
              onClick={onMerge}
            >
              Merge into it
            </button>
          </div>
        </>
      )}
    </aside>
  );
}

function Reason({ why, name }: { readonly why: LikelyOther | undefined; readonly name: string }) {
  if (why === undefined) return <p class="note">You chose it.</p>;
  const { mergeProbability, suggested, likeness } = why;
  return (
    <p class="note">
      {mergeProbability !== undefined && <>Both look like one person ({percent(mergeProbability)}). </>}
      {suggested.length > 0
        ? `The audit suggests that ${countOf(suggested.length, 'face')} ${suggested.length === 1 ? 'shows' : 'show'} ${name}.`
        : mergeProbability === undefined &&
          `Of all others it is the one that ${countOf(likeness, 'face')} here ${likeness === 1 ? 'is' : 'are'} most like.`}
    </p>
  );
}

/** The faces nearest to the main look. */
function typicalRows({ columns }: Session, position: number): number[] {
  return Array.from(columns.identities[position]!.images)
    .filter((row) => !Number.isNaN(columns.cosine[row]!))
    .sort((a, b) => columns.cosine[b]! - columns.cosine[a]! || a - b)
    .slice(0, SHOWN);
}

function IdentityPicker({
  session,
  except,
  onChoose,
}: {
  readonly session: Session;
  readonly except: number;
  readonly onChoose: (label: number) => void;
}) {
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const found: number[] = [];
  const { identities } = session.columns;
  for (let p = 0; wanted !== '' && p < identities.length && found.length < FOUND; p++) {
    if (p !== except && session.nameOf(p).toLowerCase().includes(wanted)) found.push(p);
  }
  return (
    <form
      class="picker"
      onSubmit={(event) => {
        event.preventDefault();
        if (found.length === 0) return;
        onChoose(identities[found[0]!]!.label);
        setText('');
      }}
    >
      <input
        type="search"
        placeholder="Another…"
        aria-label="Show another identity beside"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {found.length > 0 && (
        <ul>
          {found.map((p) => (
            <li key={p}>
              <button
                type="button"
                onClick={() => {
                  onChoose(identities[p]!.label);
                  setText('');
                }}
              >
                {session.nameOf(p)}
              </button>
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}
