/** The options that say what goes: shared by `drop`, `clean` and `audit`. */
import type { DecideOptions, ProposalKind, Rule } from '@arcface/cleaner';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CommandContext } from '../cli/define-command.ts';
import { numberWithin, wholeNumber } from '../cli/option-values.ts';
import type { Model } from '../model.ts';
import type { JudgeOptions } from './judge-dataset.ts';
import { readDecisions } from './tables.ts';

export type RuleName = Rule['kind'];
const RULES: readonly RuleName[] = ['angle', 'quantile', 'auto', 'aum', 'self-trained', 'recorded'];

export interface RuleOptions {
  readonly rule?: RuleName;
  readonly threshold?: number;
  /** Rules auto and aum: the probability of being bad above which an image goes. Only a decisions file states it. */
  readonly dropAbove?: number;
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

/** The paper's, in degrees. */
const THRESHOLD = 75;

/** Adds them to a command. */
export function withRuleOptions(command: Command, standard: RuleName): Command {
  return command
    .addOption(
      new Option(
        '--rule <rule>',
        'what decides: the angle to the dominant sub-centre, a share of the furthest, how likely each image is to be bad ' +
          '(auto; needs no sub-centres), what the training run found hard to learn (aum), what is no more like its identity than ' +
          'strangers are (self-trained), or, with --audit, what the audit itself decided (recorded). ' +
          `Default: ${standard}; self-trained for a network that was trained on these very labels, or on what a drop left of them` +
          (standard === 'angle' ? ', unless --threshold or --k is given' : ''),
      ).choices([...RULES]),
    )
    .option(
      '--threshold <degrees>',
      `rule angle: largest angle to the dominant sub-centre (default: ${THRESHOLD})`,
      numberWithin(0, 180),
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
      'what a person decided: JSON lines (as arcface studio writes them) or .csv with key, decision (keep, drop, relabel) and ' +
        'label; above every rule. The rule that the file names stands in for --rule and --threshold where these are not given',
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

/** Options that only one rule looks at. */
const OF_ONE_RULE = [
  ['threshold', '--threshold', 'angle'],
  ['share', '--share', 'quantile'],
  ['perIdentity', '--per-identity', 'quantile'],
] as const satisfies readonly (readonly [keyof RuleOptions, string, RuleName])[];

/**
 * The options with a rule: the one that was asked for, or the command's own; where the network was trained on the very labels that are
 * judged the one that is made for that, unless something was given that only the angle has. Warns of what was given for another rule.
 */
export function withRule<T extends RuleOptions>(
  options: T,
  standard: RuleName,
  { trainedOnThis }: { readonly trainedOnThis: boolean },
  { stated, console }: Pick<CommandContext, 'stated' | 'console'>,
): T & { readonly rule: RuleName } {
  const { threshold, k } = options;
  const asksForAngle = threshold !== undefined || (standard === 'angle' && k !== undefined);
  const rule = options.rule ?? (asksForAngle ? 'angle' : trainedOnThis ? 'self-trained' : standard);
  for (const [option, flag, of] of OF_ONE_RULE) {
    if (of !== rule && stated(option))
      console.warn(`${flag} is for the rule ${of}; the rule ${rule} does not look at it`);
  }
  return { ...options, rule };
}

/** The options as the cleaner takes them. */
export function ruleOf(options: RuleOptions & { readonly rule: RuleName }): Rule {
  const {
    rule,
    threshold = THRESHOLD,
    dropAbove,
    share,
    perIdentity,
    requireDominant,
    keepAtLeast,
    minImages,
  } = options;
  const guards = { requireDominant: requireDominant === true, keepAtLeast, dropIdentitiesUnder: minImages };
  switch (rule) {
    case 'angle':
      return { kind: rule, degrees: threshold, ...guards };
    case 'quantile':
      return { kind: rule, share, within: perIdentity ? 'identity' : 'all', ...guards };
    case 'auto':
    case 'aum':
      return { kind: rule, ...(dropAbove === undefined ? {} : { threshold: dropAbove }), ...guards };
    case 'self-trained':
    case 'recorded':
      return { kind: rule, ...guards };
  }
}

/** Options as they are after the decisions file has been read. */
export interface DecidedOptions<Options extends RuleOptions> {
  readonly options: Options;
  readonly decideOptions: Pick<DecideOptions, 'apply' | 'decisions'>;
}

/**
 * Reads what a person decided. The person decided over a rule: where the file names it, it takes the place of the rule's defaults.
 * Whatever the user stated stays.
 */
export async function withDecisions<Options extends RuleOptions>(
  options: Options,
  { stated }: Pick<CommandContext, 'stated'>,
): Promise<DecidedOptions<Options>> {
  const { decisions: path, apply } = options;
  if (path === undefined) return { options, decideOptions: { apply } };
  const { decisions, rule } = await readDecisions(path);
  const asksForAnother = stated('rule') || (stated('threshold') && rule?.kind !== 'angle');
  const ruled = rule === undefined || asksForAnother ? options : { ...options, ...optionsOf(rule, stated) };
  return { options: ruled, decideOptions: { apply, decisions } };
}

/** The opposite of `ruleOf`, without options that the user stated. */
function optionsOf(rule: Rule, stated: (option: string) => boolean): Partial<RuleOptions> {
  const values: Partial<RuleOptions> = {
    rule: rule.kind,
    ...(rule.kind === 'angle' ? { threshold: rule.degrees } : {}),
    ...((rule.kind === 'auto' || rule.kind === 'aum') && rule.threshold !== undefined
      ? { dropAbove: rule.threshold }
      : {}),
    ...(rule.kind === 'quantile' ? { share: rule.share, perIdentity: rule.within === 'identity' } : {}),
    ...(rule.requireDominant === undefined ? {} : { requireDominant: rule.requireDominant }),
    ...(rule.keepAtLeast === undefined ? {} : { keepAtLeast: rule.keepAtLeast }),
    ...(rule.dropIdentitiesUnder === undefined ? {} : { minImages: rule.dropIdentitiesUnder }),
  };
  return Object.fromEntries(Object.entries(values).filter(([name]) => !stated(name)));
}

/**
 * What the rule needs to see. The automatic rule judges by the embeddings alone: a network that never saw these labels has no
 * sub-centres for them, or those of other people, and needs none. The other rules get theirs trained on the embeddings where there are
 * none, when that is allowed.
 *
 * @param how.hasSeenOthers whether the model's file says that it was trained on other labels than these
 */
export function evidenceFor(
  { rule, k, classOrder, apply }: RuleOptions & { readonly rule: RuleName },
  model: Pick<Model, 'hasSubcenters'>,
  how: { readonly trainSubcenters: boolean; readonly hasSeenOthers: boolean },
): Pick<JudgeOptions, 'subcenters' | 'auto' | 'strangers' | 'margins' | 'k' | 'classOrder'> {
  const strangers = rule === 'self-trained';
  const alone = (rule === 'auto' || strangers) && k === undefined;
  const without = alone ? 'none' : how.trainSubcenters ? 'trained' : 'model';
  const subcenters = model.hasSubcenters && !(alone && how.hasSeenOthers) ? 'model' : without;
  const auto = rule === 'auto' || strangers || apply.length > 0;
  const margins = rule === 'aum' ? 'needed' : strangers ? 'if there are' : 'none';
  return { subcenters, auto, strangers, margins, k, classOrder };
}
