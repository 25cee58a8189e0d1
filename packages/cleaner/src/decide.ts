import {
  applyProposals,
  type Destinations,
  type OutputIdentity,
  PROPOSALS,
  type ProposalKind,
} from './apply-proposals.ts';
import { CleanerError } from './cleaner-error.ts';
import { applyPersonalDecisions, type PersonalDecision } from './decisions/personal-decisions.ts';
import { repeatMoves } from './recorded/repeat-moves.ts';
import { dropSmall, keepAtLeast } from './rules/guards.ts';
import { checkRule, type Rule } from './rules/rule.ts';
import { judge, type Verdict } from './rules/verdicts.ts';
import type { Audit } from './score.ts';

/*
 * The second of the two steps of cleaning: a rule applied to an audit. It says for every image whether it stays and where it goes in
 * the output; bytes are copied by somebody else, later.
 *
 * In this order, each over the one before it: the rule, the proposals that are to be applied, a person's decisions, the rule's guards.
 */

/** How the output numbers its records: from 1 behind a header record, or from 0 without one (the reference's drop). */
export type OutputLayout = 'insightface' | 'flat';

/** All arrays are in data order. */
export interface Decision {
  readonly rule: Rule;
  readonly layout: OutputLayout;
  /** Proposals that were applied. */
  readonly applied: readonly ProposalKind[];
  readonly verdicts: readonly Verdict[];
  /**
   * What decided on each image: the rule (`angle`, `auto`, ...), a part of it (`angle:dominant`, `auto:elsewhere`), an applied
   * proposal (`relabel`, ...), `person`, or a guard (`keep-at-least`, `small-identity`).
   */
  readonly reasons: readonly string[];
  /** The larger, the worse: angle in degrees, or probability of being bad. For rankings. */
  readonly suspicion: Float64Array;
  /** Images of the output, in output order: by identity, then as each identity lists them. */
  readonly order: Int32Array;
  /** Key in the output, -1 when dropped. */
  readonly newKeys: Int32Array;
  /** Label in the output, 0..identitiesKept-1 without gaps, -1 when dropped. */
  readonly newLabels: Int32Array;
  /** The identities of the output; an identity's new label is its index here. */
  readonly identitiesKept: readonly OutputIdentity[];
  readonly kept: number;
  readonly dropped: number;
  readonly unresolved: number;
}

export interface DecideOptions {
  /** Default `insightface`. */
  readonly layout?: OutputLayout;
  /** Proposals of the automatic rule to carry out. Default: none. */
  readonly apply?: readonly ProposalKind[];
  /** What people decided on single images. */
  readonly decisions?: readonly PersonalDecision[];
}

/**
 * Applies a rule. Identities that lose every image vanish, the labels of the others close up, order is kept; identities that were
 * split off come last.
 *
 * @throws {CleanerError} `invalid-option`; `invalid-decision`; `scores-missing` when a rule or a proposal is asked of an audit without
 *   its scores.
 */
export function decide(audit: Audit, rule: Rule, options: DecideOptions = {}): Decision {
  checkRule(rule);
  const { layout = 'insightface', apply = [], decisions = [] } = options;
  for (const kind of apply) {
    if (!PROPOSALS.includes(kind)) {
      throw new CleanerError('invalid-option', `apply: expected ${PROPOSALS.join(', ')}, found ${kind}`);
    }
  }
  const judged = judge(audit, rule);
  const outputs = audit.identities.map((_, position): OutputIdentity => ({ position, person: 0 }));
  const destinations: Destinations = {
    outputs,
    target: Int32Array.from(audit.identityOf),
    home: Int32Array.from(outputs.keys()),
  };
  if (rule.kind === 'recorded') repeatMoves(audit, destinations);
  applyProposals(audit, apply, judged, destinations);
  const personal = applyPersonalDecisions(audit, decisions, judged, destinations);
  const { target } = destinations;
  keepAtLeast(rule.keepAtLeast ?? 0, judged, target, (image) => personal.has(image));
  const groups = groupByTarget(audit, judged.verdicts, target, outputs.length);
  dropSmall(groups, rule.dropIdentitiesUnder ?? 0, judged);

  const { verdicts, reasons, suspicion } = judged;
  const order: number[] = [];
  const identitiesKept: OutputIdentity[] = [];
  const newKeys = new Int32Array(audit.images).fill(-1);
  const newLabels = new Int32Array(audit.images).fill(-1);
  const firstKey = layout === 'flat' ? 0 : 1;
  groups.forEach((images, output) => {
    if (images.length === 0 || verdicts[images[0]!] === 'drop') return;
    for (const image of images) {
      newKeys[image] = firstKey + order.length;
      newLabels[image] = identitiesKept.length;
      order.push(image);
    }
    identitiesKept.push(outputs[output]!);
  });
  return {
    rule,
    layout,
    applied: apply,
    verdicts,
    reasons,
    suspicion,
    order: Int32Array.from(order),
    newKeys,
    newLabels,
    identitiesKept,
    kept: order.length,
    dropped: audit.images - order.length,
    unresolved: verdicts.filter((verdict) => verdict === 'unresolved').length,
  };
}

/** The images that stay, by the identity that they go to: its own first, as it lists them, then those that come from others. */
function groupByTarget(
  audit: Audit,
  verdicts: readonly Verdict[],
  target: Int32Array,
  count: number,
): number[][] {
  const groups = Array.from({ length: count }, (): number[] => []);
  const moved: number[] = [];
  audit.identities.forEach(({ images }, position) => {
    for (const image of images) {
      if (verdicts[image] === 'drop') continue;
      if (target[image] === position) groups[position]!.push(image);
      else moved.push(image);
    }
  });
  for (const image of moved) groups[target[image]!]!.push(image);
  return groups;
}
