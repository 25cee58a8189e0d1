import { CleanerError } from '../cleaner-error.ts';
import type { Verdict } from '../rules/verdicts.ts';
import { type KeyColumn, KeyColumnBuilder } from './key-column.ts';

/*
 * An audit that was written down, read again: its rows as columns. A row is a few dozen bytes here, so that an audit of a million
 * images is at hand at once, in a browser too.
 */

/** Verdicts by their number in `AuditColumns.verdicts`. */
export const RECORDED_VERDICTS = ['keep', 'drop', 'unresolved'] as const satisfies readonly Verdict[];

/** An identity as its rows tell of it. */
export interface RecordedIdentity {
  readonly label: number;
  readonly name?: string;
  /** Images nearest to each sub-centre. Empty where no image of it could be judged. */
  readonly votes: readonly number[];
  readonly dominant: number;
  /** Its rows, ascending. */
  readonly images: Int32Array;
}

/** All columns are in the order of the rows. */
export interface AuditColumns {
  /** Number of rows. */
  readonly images: number;
  readonly keys: KeyColumn;
  readonly labels: Int32Array;
  /** By ascending label. */
  readonly identities: readonly RecordedIdentity[];
  /** Position of each row's identity. */
  readonly identityOf: Int32Array;
  /** The nearest sub-centre; -1 where the image could not be judged. */
  readonly nearest: Int16Array;
  /** Of the angle to the dominant sub-centre; NaN where the image could not be judged. */
  readonly cosine: Float64Array;
  /** Of the angle to the nearest sub-centre; NaN as above. */
  readonly cosineNearest: Float64Array;
  /** Probability of showing the person of the label; NaN where a row has none. Undefined when no row has one. */
  readonly pClean: Float64Array | undefined;
  /** The label that a row suggests instead; -1 where it suggests none. */
  readonly suggestedLabel: Int32Array;
  /** The other label whose person a row is most like; -1 where it names none. */
  readonly otherLabel: Int32Array;
  /** Indices into {@link RECORDED_VERDICTS}. */
  readonly verdicts: Uint8Array;
  /** Indices into `reasonNames`. */
  readonly reasons: Uint8Array;
  readonly reasonNames: readonly string[];
  /** The label whose identity a row goes to, where a proposal or a person moved it; -1 where it stays, or goes away. */
  readonly movedTo: Int32Array;
  /** The second person of its identity that a row goes to, 1 or more; 0 for the first. */
  readonly splitPerson: Int32Array;
}

interface GrowingIdentity {
  readonly label: number;
  name?: string;
  votes: readonly number[];
  dominant: number;
  count: number;
  /** Its first row's place in the order of identities as they appeared. */
  readonly appeared: number;
}

/** Takes the rows of an audit, one by one, checks them, and keeps them as columns. */
export class AuditColumnsBuilder {
  readonly #keys = new KeyColumnBuilder();
  readonly #identities = new Map<number, GrowingIdentity>();
  readonly #appeared: GrowingIdentity[] = [];
  readonly #reasons = new Map<string, number>();
  #columns = emptyColumns(1024);
  #probabilities = false;
  #rows = 0;

  /**
   * @param row A parsed line of an audit.
   * @throws {CleanerError} `invalid-audit`, naming the row (from 1) and the field.
   */
  add(row: unknown): void {
    const at = this.#rows;
    const columns = this.#withRoom();
    const fields = asObject(row, at);
    const { key } = fields;
    if (typeof key !== 'string' && typeof key !== 'number') {
      throw invalid(at, 'key', 'text or a number', key);
    }
    const label = whole(fields, 'label', at);
    const verdict = RECORDED_VERDICTS.indexOf(fields.decision as Verdict);
    if (verdict < 0) throw invalid(at, 'decision', 'keep, drop or unresolved', fields.decision);
    const identity = this.#identityOf(label);
    if (typeof fields.identity === 'string') identity.name = fields.identity;
    identity.count++;
    // Images that could not be read have no angles.
    if (fields.angle === null) {
      columns.nearest[at] = -1;
      columns.cosine[at] = Number.NaN;
      columns.cosineNearest[at] = Number.NaN;
    } else {
      columns.nearest[at] = whole(fields, 'subcenter', at, 32_767);
      columns.cosine[at] = cosineOf(fields, 'angle', at);
      columns.cosineNearest[at] = cosineOf(fields, 'angleNearest', at);
      identity.dominant = whole(fields, 'dominant', at, 32_767);
      if (Array.isArray(fields.votes)) identity.votes = fields.votes;
    }
    columns.pClean[at] = Number.NaN;
    if (typeof fields.pClean === 'number') {
      columns.pClean[at] = fields.pClean;
      this.#probabilities = true;
    }
    columns.suggestedLabel[at] = optionalLabel(fields, 'suggestedLabel', at);
    columns.otherLabel[at] = optionalLabel(fields, 'otherLabel', at);
    columns.labels[at] = label;
    columns.appeared[at] = identity.appeared;
    columns.verdicts[at] = verdict;
    columns.reasons[at] = this.#reasonOf(fields.rule, at);
    columns.movedTo[at] = optionalLabel(fields, 'movedTo', at);
    columns.splitPerson[at] = Math.max(0, optionalLabel(fields, 'splitPerson', at));
    this.#keys.add(key);
    this.#rows++;
  }

  /** @throws {CleanerError} `invalid-audit` when there is no row, or one was moved to a label that no row has. */
  finish(): AuditColumns {
    const images = this.#rows;
    if (images === 0) throw new CleanerError('invalid-audit', 'the audit has no row');
    const { appeared, pClean, ...columns } = this.#columns;
    const sorted = this.#appeared.toSorted((a, b) => a.label - b.label);
    const positionOf = new Int32Array(sorted.length);
    sorted.forEach((identity, position) => {
      positionOf[identity.appeared] = position;
    });
    const lost = columns.movedTo.findIndex(
      (label, row) => row < images && label >= 0 && !this.#identities.has(label),
    );
    if (lost >= 0) throw invalid(lost, 'movedTo', 'a label that other rows have', columns.movedTo[lost]);
    const identityOf = new Int32Array(images);
    const rowsOf = sorted.map(({ count }) => new Int32Array(count));
    const filled = new Int32Array(sorted.length);
    for (let row = 0; row < images; row++) {
      const position = positionOf[appeared[row]!]!;
      identityOf[row] = position;
      rowsOf[position]![filled[position]!++] = row;
    }
    return {
      images,
      keys: this.#keys.finish(),
      labels: columns.labels.slice(0, images),
      identities: sorted.map(({ label, name, votes, dominant }, position) => ({
        label,
        ...(name === undefined ? {} : { name }),
        votes,
        dominant,
        images: rowsOf[position]!,
      })),
      identityOf,
      nearest: columns.nearest.slice(0, images),
      cosine: columns.cosine.slice(0, images),
      cosineNearest: columns.cosineNearest.slice(0, images),
      pClean: this.#probabilities ? pClean.slice(0, images) : undefined,
      suggestedLabel: columns.suggestedLabel.slice(0, images),
      otherLabel: columns.otherLabel.slice(0, images),
      verdicts: columns.verdicts.slice(0, images),
      reasons: columns.reasons.slice(0, images),
      reasonNames: [...this.#reasons.keys()],
      movedTo: columns.movedTo.slice(0, images),
      splitPerson: columns.splitPerson.slice(0, images),
    };
  }

  #withRoom(): ReturnType<typeof emptyColumns> {
    if (this.#rows < this.#columns.labels.length) return this.#columns;
    const larger = emptyColumns(2 * this.#rows);
    for (const name of Object.keys(larger) as (keyof typeof larger)[]) larger[name].set(this.#columns[name]);
    this.#columns = larger;
    return larger;
  }

  #identityOf(label: number): GrowingIdentity {
    const known = this.#identities.get(label);
    if (known !== undefined) return known;
    const identity = { label, votes: [], dominant: 0, count: 0, appeared: this.#appeared.length };
    this.#identities.set(label, identity);
    this.#appeared.push(identity);
    return identity;
  }

  #reasonOf(rule: unknown, row: number): number {
    if (typeof rule !== 'string') throw invalid(row, 'rule', 'text', rule);
    const known = this.#reasons.get(rule);
    if (known !== undefined) return known;
    // Rules have a handful of names; a file with hundreds is no audit.
    if (this.#reasons.size === 256) throw invalid(row, 'rule', 'one of at most 256 different names', rule);
    this.#reasons.set(rule, this.#reasons.size);
    return this.#reasons.size - 1;
  }
}

function emptyColumns(length: number) {
  return {
    labels: new Int32Array(length),
    appeared: new Int32Array(length),
    nearest: new Int16Array(length),
    cosine: new Float64Array(length),
    cosineNearest: new Float64Array(length),
    pClean: new Float64Array(length),
    suggestedLabel: new Int32Array(length),
    otherLabel: new Int32Array(length),
    verdicts: new Uint8Array(length),
    reasons: new Uint8Array(length),
    movedTo: new Int32Array(length),
    splitPerson: new Int32Array(length),
  };
}

function asObject(row: unknown, at: number): Readonly<Record<string, unknown>> {
  if (typeof row === 'object' && row !== null && !Array.isArray(row)) return row as Record<string, unknown>;
  throw new CleanerError(
    'invalid-audit',
    `row ${at + 1}: expected an object, found ${JSON.stringify(row)?.slice(0, 60)}`,
  );
}

function whole(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  row: number,
  most = 2 ** 31 - 1,
): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw invalid(row, name, `a whole number from 0 to ${most}`, value);
}

function optionalLabel(fields: Readonly<Record<string, unknown>>, name: string, row: number): number {
  return fields[name] === undefined || fields[name] === null ? -1 : whole(fields, name, row);
}

function cosineOf(fields: Readonly<Record<string, unknown>>, name: string, row: number): number {
  const degrees = fields[name];
  if (typeof degrees === 'number' && degrees >= 0 && degrees <= 180)
    return Math.cos((degrees * Math.PI) / 180);
  throw invalid(row, name, 'an angle from 0 to 180 degrees', degrees);
}

function invalid(row: number, field: string, expected: string, found: unknown): CleanerError {
  const value = found === undefined ? 'nothing' : JSON.stringify(found).slice(0, 60);
  return new CleanerError('invalid-audit', `row ${row + 1}: ${field} must be ${expected}, found ${value}`);
}
