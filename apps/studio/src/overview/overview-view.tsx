/** The dataset as a whole: what goes at which angle, what that may be expected to do, and where to look first. */
import { expectedOutcome } from '@arcface/cleaner';
import { useMemo } from 'preact/hooks';
import { datasetStatistics } from '../session/dataset-statistics.ts';
import type { Session } from '../session/session.ts';
import { ruleVerdicts } from '../session/verdicts.ts';
import { count, countOf, degrees, percent } from '../shell/format.ts';
import { AngleHistogram } from './angle-histogram.tsx';
import { IdentityList } from './identity-list.tsx';

export function OverviewView({ session }: { readonly session: Session }) {
  const rule = session.rule.value;
  const outcome = session.outcome.value;
  const expected = useExpected(session);
  const threshold = rule.kind === 'angle' ? rule.degrees : undefined;
  const { source } = session.evidence;
  const setAngle = (angle: number): void => {
    session.rule.value = { kind: 'angle', degrees: angle };
  };
  const meaning = `${countOf(outcome.dropped, 'face')} of ${count(session.columns.images)} go`;
  return (
    <main class="overview" id="main">
      <h1 class="visually-hidden">Overview</h1>
      <Tiles session={session} expected={expected} />
      <section class="card" aria-labelledby="angles-title">
        <header>
          <h2 id="angles-title">How far each face is from its identity</h2>
          <RuleChoice session={session} onAngle={() => setAngle(session.automatic ?? 75)} />
        </header>
        <p class="note">
          The angle between a face and the main look of its identity. Faces of the person gather on the left,
          strangers near 90°.{' '}
          {rule.kind === 'angle'
            ? 'Drag the line: what lies right of it goes.'
            : 'Drag the line to choose by angle instead.'}
        </p>
        <AngleHistogram
          evidence={session.evidence}
          threshold={threshold}
          automatic={session.automatic}
          meaning={meaning}
          onChange={setAngle}
        />
        <p class="legend">
          <span>
            <i class="swatch-kept" /> stays
          </span>
          <span>
            <i class="swatch-dropped" /> goes
          </span>
          {source !== 'none' && (
            <span>
              <i class="swatch-bad" /> expected to be wrong
            </span>
          )}
          <span class="legend-note">
            {source === 'probabilities' && 'Expectations come from the probabilities in the audit.'}
            {source === 'shape' && 'Expectations are a rough guess from the shape of this histogram.'}
            {source === 'none' && 'This histogram has no second hump to guess from: no expectations.'}
          </span>
        </p>
      </section>
      <IdentityList session={session} />
      <Statistics session={session} />
    </main>
  );
}

interface Expected {
  readonly precision: number | null;
  readonly recall: number | null;
}

/** Of the rule, before people decide. */
function useExpected({ columns, rule, evidence }: Session): Expected {
  const value = rule.value;
  return useMemo(() => {
    if (value.kind === 'angle') return expectedOutcome(evidence, value.degrees);
    const { pClean, images } = columns;
    if (pClean === undefined) return { precision: null, recall: null };
    const verdicts = ruleVerdicts(columns, value);
    let [dropped, badDropped, bad] = [0, 0, 0];
    for (let row = 0; row < images; row++) {
      if (Number.isNaN(pClean[row]!)) continue;
      bad += 1 - pClean[row]!;
      if (verdicts[row] !== 1) continue;
      dropped++;
      badDropped += 1 - pClean[row]!;
    }
    return {
      precision: dropped > 0 ? badDropped / dropped : null,
      recall: bad > 0 ? badDropped / bad : null,
    };
  }, [columns, evidence, value]);
}

function Tiles({ session, expected }: { readonly session: Session; readonly expected: Expected }) {
  const { kept, dropped, identities, relabelled } = session.outcome.value;
  const { images, identities: all } = session.columns;
  return (
    <dl class="tiles" aria-live="polite">
      <div>
        <dt>Faces go</dt>
        <dd class="go">{count(dropped)}</dd>
        <dd class="detail">
          {percent(dropped / images)} of {count(images)}
        </dd>
      </div>
      <div>
        <dt>Faces stay</dt>
        <dd class="stay">{count(kept)}</dd>
        <dd class="detail">
          {relabelled > 0 ? `${count(relabelled)} under another label` : 'under their labels'}
        </dd>
      </div>
      <div>
        <dt>Identities stay</dt>
        <dd>{count(identities)}</dd>
        <dd class="detail">of {count(all.length)}</dd>
      </div>
      <div>
        <dt>Rightly dropped</dt>
        <dd data-testid="precision">{percent(expected.precision)}</dd>
        <dd class="detail">of what goes, expected</dd>
      </div>
      <div>
        <dt>Wrong ones found</dt>
        <dd data-testid="recall">{percent(expected.recall)}</dd>
        <dd class="detail">of all wrong faces, expected</dd>
      </div>
    </dl>
  );
}

function RuleChoice({ session, onAngle }: { readonly session: Session; readonly onAngle: () => void }) {
  const rule = session.rule.value;
  const { automatic } = session;
  return (
    <fieldset class="choice">
      <legend class="visually-hidden">What decides</legend>
      <button
        type="button"
        aria-pressed={rule.kind === 'recorded'}
        onClick={() => {
          session.rule.value = { kind: 'recorded' };
        }}
      >
        As audited
      </button>
      <button
        type="button"
        aria-pressed={rule.kind === 'angle'}
        onClick={() => rule.kind !== 'angle' && onAngle()}
      >
        By angle
      </button>
      {automatic !== undefined && (
        <button
          type="button"
          class="choice-auto"
          disabled={rule.kind === 'angle' && rule.degrees === automatic}
          onClick={() => {
            session.rule.value = { kind: 'angle', degrees: automatic };
          }}
        >
          Use auto, {degrees(automatic)}
        </button>
      )}
    </fieldset>
  );
}

function Statistics({ session }: { readonly session: Session }) {
  const { columns } = session;
  const before = useMemo(
    () => datasetStatistics(Int32Array.from(columns.identities, ({ images }) => images.length)),
    [columns],
  );
  const after = datasetStatistics(session.outcome.value.keptOf);
  const lines = [
    ['Faces', before.images, after.images],
    ['Identities', before.identities, after.identities],
    ['Faces of the smallest identity', before.smallest, after.smallest],
    ['Faces of the middle identity', before.median, after.median],
    ['Faces of the largest identity', before.largest, after.largest],
  ] as const;
  return (
    <section class="card" aria-labelledby="statistics-title">
      <h2 id="statistics-title">Before and after</h2>
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {lines.map(([title, old, now]) => (
            <tr key={title}>
              <th scope="row">{title}</th>
              <td>{count(old)}</td>
              <td class={old === now ? '' : 'changed'}>{count(now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
