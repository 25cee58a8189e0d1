/** An identity's faces in the order in which they are looked at: by sub-centre, the dominant one first, in each by angle. */
import type { AuditColumns } from '@arcface/cleaner';
import type { GridSection } from '../faces/grid-layout.ts';
import type { Moves, RowDecision } from '../session/verdicts.ts';

export function identitySections(
  columns: AuditColumns,
  position: number,
  {
    decisions,
    moves,
  }: { readonly decisions: ReadonlyMap<number, RowDecision>; readonly moves: Moves | undefined },
): GridSection[] {
  const { label, images, votes, dominant } = columns.identities[position]!;
  const byAngle = (a: number, b: number): number => columns.cosine[b]! - columns.cosine[a]! || a - b;
  const nearest = new Map<number, number[]>();
  for (const row of images) {
    const centre = columns.nearest[row]!;
    const rows = nearest.get(centre);
    if (rows === undefined) nearest.set(centre, [row]);
    else rows.push(row);
  }
  const size = (centre: number): number => votes[centre] ?? nearest.get(centre)!.length;
  const centres = [...nearest.keys()]
    .filter((centre) => centre >= 0)
    .sort((a, b) => Number(b === dominant) - Number(a === dominant) || size(b) - size(a) || a - b);
  const sections = centres.map((centre, i) => ({
    title:
      centre === dominant
        ? 'Main look (dominant sub-centre)'
        : `Other look ${i + Number(centres[0] !== dominant)}`,
    rows: nearest.get(centre)!.sort(byAngle),
  }));
  const unreadable = nearest.get(-1);
  if (unreadable !== undefined) sections.push({ title: 'Could not be read', rows: unreadable });
  const sent = (moves?.arrivals.get(position) ?? []).filter((row) => !decisions.has(row));
  if (sent.length > 0) sections.push({ title: 'Moved here by the audit', rows: sent });
  const arrived = [...decisions]
    .filter(([row, decision]) => decision.label === label && columns.labels[row] !== label)
    .map(([row]) => row)
    .sort((a, b) => a - b);
  if (arrived.length > 0) sections.push({ title: 'Moved here by you', rows: arrived });
  return sections;
}
