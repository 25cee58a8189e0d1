/** An audit as `arcface audit` would write it, a line for every image: for one that was made here. */
import {
  type AuditColumns,
  auditFromColumns,
  auditLine,
  auditRow,
  decide,
  keyAt,
  undecodableRow,
} from '@arcface/cleaner';

export function* auditLines(columns: AuditColumns): Generator<string> {
  const { images, labels, identities, keys, nearest } = columns;
  const { audit } = auditFromColumns(columns, {
    length: images,
    labels,
    identities,
    key: (row) => keyAt(keys, row),
  });
  const decision = decide(audit, { kind: 'recorded' });
  let judged = 0;
  for (let row = 0; row < images; row++) {
    const isJudged = nearest[row]! >= 0;
    yield auditLine(
      isJudged ? auditRow(audit, decision, judged++) : undecodableRow(keyAt(keys, row), labels[row]!),
    );
  }
}
