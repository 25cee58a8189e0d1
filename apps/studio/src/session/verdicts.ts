/**
 * What becomes of every image: what the rule says, and above it what people decided. The same as `decide` of `@arcface/cleaner` says
 * about the same audit, but cheap enough to follow a threshold that is being dragged.
 */
import { type AuditColumns, type PersonalDecision, RECORDED_VERDICTS } from '@arcface/cleaner';

/** The rules that an audit's rows are enough for. */
export type StudioRule = { readonly kind: 'recorded' } | { readonly kind: 'angle'; readonly degrees: number };

/** What `AuditColumns.verdicts` has for an image that goes. */
export const DROP: number = RECORDED_VERDICTS.indexOf('drop');

/** A person's decision on the image of a row. */
export type RowDecision = Pick<PersonalDecision, 'decision' | 'label'>;

/** What the rule says of every row. */
export function ruleVerdicts(columns: AuditColumns, rule: StudioRule): Uint8Array {
  if (rule.kind === 'recorded') return columns.verdicts;
  const threshold = Math.cos((rule.degrees * Math.PI) / 180);
  const { cosine, images } = columns;
  const verdicts = new Uint8Array(images);
  // Also drops what has no angle, since it could not be read.
  for (let row = 0; row < images; row++) if (!(cosine[row]! > threshold)) verdicts[row] = DROP;
  return verdicts;
}

/** Where an audit that was made with proposals carried out, or with relabels of a person, moved images. */
export interface Moves {
  /** By row, where the image goes unless it is dropped: the position of an identity or, from `identities` on, a second person. */
  readonly target: Int32Array;
  /** By identity, the position of the one that it was merged into; its own where it was not. Whom people keep go there, too. */
  readonly home: Int32Array;
  readonly identities: number;
  /** Second persons that become identities. */
  readonly secondPersons: number;
  /** Rows that come from elsewhere, by the position of the identity that they come to. */
  readonly arrivals: ReadonlyMap<number, readonly number[]>;
}

/**
 * @param positionOf Position of the identity with a label.
 * @returns Undefined for an audit that moved nothing, as most.
 */
export function recordedMoves(
  columns: AuditColumns,
  positionOf: ReadonlyMap<number, number>,
): Moves | undefined {
  const { images, identityOf, movedTo, splitPerson, verdicts, reasons, reasonNames } = columns;
  const identities = columns.identities.length;
  const home = Int32Array.from(columns.identities.keys());
  const target = identityOf.slice();
  const persons = new Map<string, number>();
  const arrivals = new Map<number, number[]>();
  for (let row = 0; row < images; row++) {
    if (verdicts[row] === DROP) continue;
    const own = identityOf[row]!;
    if (splitPerson[row]! > 0) {
      const person = `${own} ${splitPerson[row]}`;
      if (!persons.has(person)) persons.set(person, identities + persons.size);
      target[row] = persons.get(person)!;
    } else if (movedTo[row]! >= 0) {
      const to = positionOf.get(movedTo[row]!)!;
      if (reasonNames[reasons[row]!] === 'merge') home[own] = to;
      if (to === own) continue;
      target[row] = to;
      const there = arrivals.get(to);
      if (there === undefined) arrivals.set(to, [row]);
      else there.push(row);
    }
  }
  if (persons.size === 0 && arrivals.size === 0) return undefined;
  return { target, home, identities, secondPersons: persons.size, arrivals };
}

/** The whole dataset, after rule and people. */
export interface Outcome {
  readonly kept: number;
  readonly dropped: number;
  /** Kept under another label. */
  readonly relabelled: number;
  /** Images in the output, by position of the identity; second persons that become identities follow. */
  readonly keptOf: Int32Array;
  /** Images of the input that go, by position of the identity. */
  readonly droppedOf: Int32Array;
  /** Identities with an image in the output. */
  readonly identities: number;
}

/** What outcomes are made of. */
export interface OutcomeInput {
  /** Of the rule, by row. */
  readonly verdicts: Uint8Array;
  /** Of the rule, where it moves images. */
  readonly moves: Moves | undefined;
  /** Of people, by row. */
  readonly decisions: ReadonlyMap<number, RowDecision>;
  /** Position of the identity with a label. */
  readonly positionOf: ReadonlyMap<number, number>;
}

export function outcomeOf(columns: AuditColumns, input: OutcomeInput): Outcome {
  const { verdicts, moves, decisions, positionOf } = input;
  const { images, identityOf, identities } = columns;
  const target = moves?.target ?? identityOf;
  const homeOf = (position: number): number => moves?.home[position] ?? position;
  const keptOf = new Int32Array(identities.length + (moves?.secondPersons ?? 0));
  const droppedOf = new Int32Array(identities.length);
  let relabelled = 0;
  /** An image stays at a position, or is taken away from there again. */
  const keep = (row: number, to: number, by: 1 | -1): void => {
    keptOf[to]! += by;
    if (to !== identityOf[row]) relabelled += by;
  };
  for (let row = 0; row < images; row++) {
    if (verdicts[row] === DROP) droppedOf[identityOf[row]!]!++;
    else keep(row, target[row]!, 1);
  }
  for (const [row, { decision, label }] of decisions) {
    const own = identityOf[row]!;
    if (verdicts[row] === DROP) droppedOf[own]!--;
    else keep(row, target[row]!, -1);
    if (decision === 'drop') droppedOf[own]!++;
    else keep(row, homeOf(decision === 'relabel' ? positionOf.get(label!)! : own), 1);
  }
  const kept = keptOf.reduce((sum, n) => sum + n, 0);
  return {
    kept,
    dropped: images - kept,
    relabelled,
    keptOf,
    droppedOf,
    identities: keptOf.reduce((sum, n) => sum + Number(n > 0), 0),
  };
}
