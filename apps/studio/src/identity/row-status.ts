/** What becomes of a face, and who says so. */
import { type AuditColumns, degreesOf } from '@arcface/cleaner';
import type { Session } from '../session/session.ts';
import { DROP } from '../session/verdicts.ts';
import { degrees } from '../shell/format.ts';

export interface RowStatus {
  readonly fate: 'keep' | 'drop' | 'relabel';
  readonly by: 'rule' | 'person';
  /** Who it is taken for, where it moves: an identity's name, or a second person of its own. */
  readonly to: string | undefined;
}

export function rowStatus(session: Session, row: number): RowStatus {
  const { book, columns, positionOf } = session;
  const decision = book.all.get(row);
  if (decision !== undefined) {
    const { decision: fate, label } = decision;
    return {
      fate,
      by: 'person',
      to: fate === 'relabel' ? session.nameOf(positionOf.get(label!)!) : undefined,
    };
  }
  if (session.verdicts.value[row] === DROP) return { fate: 'drop', by: 'rule', to: undefined };
  const own = columns.identityOf[row]!;
  const target = session.moves.value?.target[row] ?? own;
  if (target === own) return { fate: 'keep', by: 'rule', to: undefined };
  const secondPerson = target >= columns.identities.length;
  return {
    fate: 'relabel',
    by: 'rule',
    to: secondPerson ? 'an identity of its own' : session.nameOf(target),
  };
}

/** Its angle as the tile shows it. */
export function angleText({ cosine }: AuditColumns, row: number): string {
  return Number.isNaN(cosine[row]!) ? '–' : degrees(degreesOf(cosine[row]!));
}
