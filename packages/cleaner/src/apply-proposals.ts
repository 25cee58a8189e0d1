import { CleanerError } from './cleaner-error.ts';
import type { Verdicts } from './rules/verdicts.ts';
import type { Audit } from './score.ts';

/*
 * What the automatic rule only proposes, done: images that go to the identity that they show instead of going away, second persons
 * of a folder that become an identity, identities that become one. Never unless asked for.
 */

export const PROPOSALS = ['relabel', 'split', 'merge'] as const;
export type ProposalKind = (typeof PROPOSALS)[number];

/** Whether a proposal that was carried out is the reason. */
export function isProposal(reason: string): reason is ProposalKind {
  return PROPOSALS.some((kind) => kind === reason);
}

/** An identity of the output, before it has a label. */
export interface OutputIdentity {
  /** Position of the identity of the input that it comes from. */
  readonly position: number;
  /** 0, or the number of the second person that was split off from it. */
  readonly person: number;
}

/** Where everything goes, before the output has labels. Changed in place, step by step. */
export interface Destinations {
  /** One entry an identity of the input; second persons that are split off are added behind them. */
  readonly outputs: OutputIdentity[];
  /** Index into `outputs` of the identity that each image goes to, if it stays. */
  readonly target: Int32Array;
  /** The same of each identity of the input: itself, or the one that it is merged into. */
  readonly home: Int32Array;
}

/** Proposals less probable than this are left alone. */
const LEAST_PROBABILITY = 0.5;

/** @throws {CleanerError} `scores-missing`. */
export function applyProposals(
  audit: Audit,
  kinds: readonly ProposalKind[],
  { verdicts, reasons }: Verdicts,
  { outputs, target, home }: Destinations,
): void {
  if (kinds.length === 0) return;
  const { auto } = audit;
  if (!auto) {
    throw new CleanerError(
      'scores-missing',
      `proposals come from the automatic rule's scores: add them with 'withAutoScores'`,
    );
  }
  const positionOf = new Map(audit.identities.map(({ label }, position) => [label, position]));
  if (kinds.includes('relabel')) {
    for (let i = 0; i < audit.images; i++) {
      if (!(auto.pElsewhere[i]! > LEAST_PROBABILITY)) continue;
      target[i] = positionOf.get(auto.elsewhere[i]!)!;
      verdicts[i] = 'keep';
      reasons[i] = 'relabel';
    }
  }
  if (kinds.includes('split')) {
    for (const { label, person, images, probability } of auto.splits) {
      if (!(probability > LEAST_PROBABILITY)) continue;
      const output = outputs.push({ position: positionOf.get(label)!, person }) - 1;
      for (const image of images) {
        target[image] = output;
        verdicts[image] = 'keep';
        reasons[image] = 'split';
      }
    }
  }
  if (kinds.includes('merge')) {
    const rootOf = (position: number): number => {
      let root = position;
      while (home[root] !== root) root = home[root]!;
      return root;
    };
    for (const { labels, probability } of auto.merges) {
      if (!(probability > LEAST_PROBABILITY)) continue;
      const [first, second] = labels.map((label) => rootOf(positionOf.get(label)!)) as [number, number];
      home[second] = first;
    }
    for (const position of home.keys()) home[position] = rootOf(position);
    for (let i = 0; i < audit.images; i++) {
      // A second person that was split off is no identity of the input, and merged with none.
      const root = home[target[i]!] ?? target[i]!;
      if (root === target[i]) continue;
      target[i] = root;
      if (reasons[i] !== 'relabel' && verdicts[i] !== 'drop') reasons[i] = 'merge';
    }
  }
}
