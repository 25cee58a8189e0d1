/** The options that say what goes: shared by `drop`, `clean` and `audit`. */
import type { DecideOptions, ProposalKind, Rule } from '@arcface/cleaner';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { numberWithin, wholeNumber } from '../cli/option-values.ts';
import type { Model } from '../model.ts';
import type { JudgeOptions } from './judge-dataset.ts';
import { readDecisions } from './tables.ts';

export interface RuleOptions {
  readonly rule: 'angle' | 'quantile' | 'auto' | 'aum';
  readonly threshold: number;
  readonly share: number;
  readonly perIdentity?: boolean;
  readonly requireDominant?: boolean;
  readonly keepAtLeast: number;
  readonly minImages: number;
  readonly decisions?: string;
  readonly apply: readonly ProposalKind[];
  readonly k?: number;
  readonly classOrder?: 'label' | 'position';
}

/** Adds them to a command. */
export function withRuleOptions(command: Command, standard: RuleOptions['rule']): Command {
  return command
    .addOption(
      new Option(
        '--rule <rule>',
        'what decides: the angle to the dominant sub-centre, a share of the furthest, how likely each image is to be bad ' +
          '(auto; needs no sub-centres), or what the training run found hard to learn (aum)',
      )
        .choices(['angle', 'quantile', 'auto', 'aum'])
        .default(standard),
    )
    .option(
      '--threshold <degrees>',
      'rule angle: largest angle to the dominant sub-centre',
      numberWithin(0, 180),
      75,
    )
    .option('--share <share>', 'rule quantile: share of images that goes', numberWithin(0, 1), 0.1)
    .option('--per-identity', "rule quantile: the share of each identity's images, not of all")
    .option(
      '--k <n>',
      "sub-centres an identity (default: the checkpoint's; 3 for MXNet, and where they are trained on the embeddings)",
      wholeNumber(1, 1000),
    )
    .option('--require-dominant', 'drop also what is nearest to another sub-centre than the dominant one')
    .option(
      '--keep-at-least <n>',
      'keep so many images of each identity, the least suspicious; they are marked unresolved',
      wholeNumber(0),
      0,
    )
    .option('--min-images <n>', 'drop identities of which fewer images remain', wholeNumber(0), 0)
    .option(
      '--decisions <file>',
      'what a person decided: JSON lines or .csv with key, decision (keep, drop, relabel) and label; above every rule',
    )
    .option(
      '--apply <proposals>',
      'carry out what is else only proposed: relabel, merge, split, separated by commas',
      proposals,
      [],
    )
    .addOption(
      new Option(
        '--class-order <order>',
        "what numbers the model's classes: labels, or positions among the identities (the reference's drop.py). " +
          'Default: as the model was trained; the same unless labels have gaps',
      ).choices(['label', 'position']),
    );
}

function proposals(text: string): ProposalKind[] {
  return text.split(',').map((name) => {
    if (name === 'relabel' || name === 'merge' || name === 'split') return name;
    throw new InvalidArgumentError('Expected relabel, merge or split, separated by commas.');
  });
}

/** The options as the cleaner takes them. */
export function ruleOf(options: RuleOptions): Rule {
  const { rule, threshold, share, perIdentity, requireDominant, keepAtLeast, minImages } = options;
  const guards = { requireDominant: requireDominant === true, keepAtLeast, dropIdentitiesUnder: minImages };
  switch (rule) {
    case 'angle':
      return { kind: rule, degrees: threshold, ...guards };
    case 'quantile':
      return { kind: rule, share, within: perIdentity ? 'identity' : 'all', ...guards };
    case 'auto':
    case 'aum':
      return { kind: rule, ...guards };
  }
}

/** What a person decided and which proposals are to be carried out. */
export async function decideOptionsOf({
  decisions,
  apply,
}: RuleOptions): Promise<Pick<DecideOptions, 'apply' | 'decisions'>> {
  return { apply, ...(decisions === undefined ? {} : { decisions: await readDecisions(decisions) }) };
}

/**
 * What the rule needs to see. The automatic rule judges by the embeddings alone: a network that never saw these labels has no
 * sub-centres for them, and needs none. The other rules get theirs trained on the embeddings then, when that is allowed.
 */
export function evidenceFor(
  { rule, k, classOrder, apply }: RuleOptions,
  model: Model,
  { trainSubcenters }: { readonly trainSubcenters: boolean },
): Pick<JudgeOptions, 'subcenters' | 'auto' | 'aum' | 'k' | 'classOrder'> {
  const alone = rule === 'auto' && k === undefined;
  const subcenters = model.hasSubcenters ? 'model' : alone ? 'none' : trainSubcenters ? 'trained' : 'model';
  return { subcenters, auto: rule === 'auto' || apply.length > 0, aum: rule === 'aum', k, classOrder };
}
