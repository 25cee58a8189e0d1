/** What becomes of a face, and who says so. */
import type { AuditColumns } from '@arcface/cleaner';
import { DROP, type RowDecision } from '../session/verdicts.ts';
import { degrees, degreesOfCosine } from '../shell/format.ts';

export interface RowStatus {
  readonly fate: 'keep' | 'drop' | 'relabel';
  readonly by: 'rule' | 'person';
}

export function rowStatus(verdict: number, decision: RowDecision | undefined): RowStatus {
  if (decision !== undefined) return { fate: decision.decision, by: 'person' };
  return { fate: verdict === DROP ? 'drop' : 'keep', by: 'rule' };
}

/** Its angle as the tile shows it. */
export function angleText({ cosine }: AuditColumns, row: number): string {
  return Number.isNaN(cosine[row]!) ? '–' : degrees(degreesOfCosine(cosine[row]!));
}
