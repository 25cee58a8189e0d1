/** The rules that are compared on networks which were trained on the very labels that they judge. */
import {
  decide,
  identitiesFromLabels,
  type Rule,
  score,
  withAutoScores,
  withStrangerScores,
  withTrainingMargins,
} from '@arcface/cleaner';
import { sideBySide, type TrainingEvidence } from './training-evidence.ts';

/** By name: the sub-centres of the network it looks at, and the rule; no cut is chosen with the truth. */
const RULES = {
  'K = 3 at 70': { subcenters: 3, rule: { kind: 'angle', degrees: 70 } },
  'K = 3 at 80': { subcenters: 3, rule: { kind: 'angle', degrees: 80 } },
  'K = 3 at 75': { subcenters: 3, rule: { kind: 'angle', degrees: 75 } },
  'K = 1 at 75': { subcenters: 1, rule: { kind: 'angle', degrees: 75 } },
  auto: { subcenters: 1, rule: { kind: 'auto' } },
  aum: { subcenters: 1, rule: { kind: 'aum' } },
  'self-trained': { subcenters: 1, rule: { kind: 'self-trained' } },
  'self-trained, K = 3': { subcenters: 3, rule: { kind: 'self-trained' } },
} as const satisfies Record<string, { readonly subcenters: number; readonly rule: Rule }>;

export type SelfTrainedRule = keyof typeof RULES;
export const SELF_TRAINED_RULES = Object.keys(RULES) as SelfTrainedRule[];

/**
 * 1 for every image that a rule drops.
 *
 * @param evidenceOf the networks that judge, side by side; the first has sub-centres and what was recorded, if any does
 */
export function dropsOf(
  name: SelfTrainedRule,
  evidenceOf: (subcenters: number) => readonly [TrainingEvidence, ...TrainingEvidence[]],
): Uint8Array {
  const { subcenters, rule } = RULES[name];
  const networks = evidenceOf(subcenters);
  const [{ embeddings, dimensions, weights, labels, epochs }, ...others] = networks;
  const audit = score({
    embeddings,
    dimensions,
    labels,
    identities: identitiesFromLabels(labels),
    subcenters: { weights, subcenters, dimensions, classOrder: 'position' },
  });
  const input = others.length > 0 ? sideBySide(networks) : { embeddings, dimensions };
  // A network that was trained on what was left of the images recorded nothing of the others.
  const withMargins = () => (epochs.length > 0 ? withTrainingMargins(audit, { epochs }) : audit);
  const scored = {
    angle: () => audit,
    auto: () => withAutoScores(audit, input),
    aum: withMargins,
    'self-trained': () => withStrangerScores(withMargins(), input),
  }[rule.kind]();
  return Uint8Array.from(decide(scored, rule).verdicts, (verdict) => Number(verdict === 'drop'));
}
