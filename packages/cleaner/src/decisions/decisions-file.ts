import { CleanerError } from '../cleaner-error.ts';
import { checkRule, type Rule } from '../rules/rule.ts';
import type { PersonalDecision } from './personal-decisions.ts';

/*
 * People's decisions as a file, JSON lines: a header line that says whose they are and over which rule they stand, then a line for
 * every image that was decided on. The header may be missing, and unknown fields are left alone, so a list that a script made is a
 * decisions file, too:
 *
 *   {"format":"arcface-decisions","version":1,"reviewer":"Ada","rule":{"kind":"angle","degrees":72.5}}
 *   {"key":"grace/03.jpg","decision":"drop"}
 *   {"key":"grace/07.jpg","decision":"relabel","label":4}
 */

const FORMAT = 'arcface-decisions';
const VERSION = 1;

/** What a decisions file says. */
export interface DecisionsFile {
  /** Whose decisions these are. */
  readonly reviewer?: string;
  /** What decides on all the other images. Without it: whatever rule the reader of the file chooses. */
  readonly rule?: Rule;
  /** At most one for a key. */
  readonly decisions: readonly PersonalDecision[];
}

/**
 * Parses a decisions file.
 *
 * @throws {CleanerError} `invalid-decision`, naming the line (from 1).
 */
export function parseDecisions(text: string): DecisionsFile {
  const decisions: PersonalDecision[] = [];
  const seen = new Set<string>();
  let header: Omit<DecisionsFile, 'decisions'> = {};
  for (const { line, content } of linesOf(text)) {
    const refuse = (what: string): CleanerError =>
      new CleanerError('invalid-decision', `line ${line}: ${what}`);
    const row = parseLine(content, refuse);
    if ('format' in row && decisions.length === 0) {
      header = parseHeader(row, refuse);
      continue;
    }
    const decision = parseDecision(row, refuse);
    const key = String(decision.key);
    if (seen.has(key)) throw refuse(`the key ${JSON.stringify(decision.key)} is decided on twice`);
    seen.add(key);
    decisions.push(decision);
  }
  return { ...header, decisions };
}

/**
 * Checks one decision, from a line of the file or a row of a table.
 *
 * @param refuse Makes the error of what is wrong.
 */
export function parseDecision(
  { key, decision, label }: Readonly<Record<string, unknown>>,
  refuse: (what: string) => Error,
): PersonalDecision {
  if (typeof key !== 'string' && typeof key !== 'number') throw refuse('there is no key');
  if (decision !== 'keep' && decision !== 'drop' && decision !== 'relabel') {
    throw refuse(`decision must be keep, drop or relabel, found ${JSON.stringify(decision)}`);
  }
  if (decision !== 'relabel') return { key, decision };
  // A table has numbers as text.
  const given = typeof label === 'string' && /^\d+$/.test(label) ? Number(label) : label;
  if (typeof given !== 'number' || !Number.isInteger(given)) {
    throw refuse('relabel needs a whole number as label');
  }
  return { key, decision, label: given };
}

/** The text of a decisions file, header first; the same decisions in the same order give the same bytes. */
export function serializeDecisions({ reviewer, rule, decisions }: DecisionsFile): string {
  const header = {
    format: FORMAT,
    version: VERSION,
    ...(reviewer ? { reviewer } : {}),
    ...(rule === undefined ? {} : { rule }),
  };
  const rows = decisions.map(({ key, decision, label }) =>
    JSON.stringify({ key, decision, ...(decision === 'relabel' ? { label } : {}) }),
  );
  return [JSON.stringify(header), ...rows, ''].join('\n');
}

/** An image that two people decided differently on. */
export interface DecisionConflict {
  readonly key: number | string;
  readonly ours: PersonalDecision;
  readonly theirs: PersonalDecision;
}

/** Two people's decisions put together. */
export interface MergedDecisions {
  /** What both agree on, and what only one of them decided. Ours first, in their order. */
  readonly agreed: readonly PersonalDecision[];
  /** To be settled by somebody: none of them is in `agreed`. */
  readonly conflicts: readonly DecisionConflict[];
}

/** Merges the decisions of two people; the same in either order, but for the order itself. */
export function mergeDecisions(
  ours: readonly PersonalDecision[],
  theirs: readonly PersonalDecision[],
): MergedDecisions {
  const theirsByKey = new Map(theirs.map((decision) => [String(decision.key), decision]));
  const agreed: PersonalDecision[] = [];
  const conflicts: DecisionConflict[] = [];
  for (const own of ours) {
    const key = String(own.key);
    const other = theirsByKey.get(key);
    theirsByKey.delete(key);
    if (other === undefined || isSame(own, other)) agreed.push(own);
    else conflicts.push({ key: own.key, ours: own, theirs: other });
  }
  return { agreed: [...agreed, ...theirsByKey.values()], conflicts };
}

function isSame(a: PersonalDecision, b: PersonalDecision): boolean {
  return a.decision === b.decision && (a.decision !== 'relabel' || a.label === b.label);
}

function* linesOf(text: string): Generator<{ readonly line: number; readonly content: string }> {
  let line = 0;
  // A byte order mark is no part of the first line.
  for (const content of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    line += 1;
    if (content.trim() !== '') yield { line, content };
  }
}

function parseLine(content: string, refuse: (what: string) => Error): Readonly<Record<string, unknown>> {
  let row: unknown;
  try {
    row = JSON.parse(content);
  } catch (error) {
    throw refuse(`not JSON (${(error as Error).message})`);
  }
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw refuse('not a JSON object');
  return row as Record<string, unknown>;
}

function parseHeader(
  { format, version, reviewer, rule }: Readonly<Record<string, unknown>>,
  refuse: (what: string) => Error,
): Omit<DecisionsFile, 'decisions'> {
  if (format !== FORMAT) throw refuse(`format must be ${FORMAT}, found ${JSON.stringify(format)}`);
  if (version !== VERSION) {
    throw refuse(
      `version must be ${VERSION}, found ${JSON.stringify(version)}: it was written by another program`,
    );
  }
  if (rule !== undefined) {
    if (typeof rule !== 'object' || rule === null) throw refuse('rule must be an object');
    try {
      checkRule(rule as Rule);
    } catch (error) {
      throw refuse((error as Error).message);
    }
  }
  return {
    ...(typeof reviewer === 'string' ? { reviewer } : {}),
    ...(rule === undefined ? {} : { rule: rule as Rule }),
  };
}
