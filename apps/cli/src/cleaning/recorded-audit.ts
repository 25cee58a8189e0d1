/** An audit that `audit`, `drop` or the studio wrote, read again: to decide and to write images without a network. */
import { createHash } from 'node:crypto';
import { type AuditColumns, AuditColumnsBuilder, auditFromColumns, CleanerError } from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';
import { datasetFingerprint } from '@arcface/trainer';
import { CommandError, UsageError } from '../cli/usage-error.ts';
import { textLines } from '../text-lines.ts';
import { sha256 } from './embedding-store.ts';
import type { JudgedDataset } from './judge-dataset.ts';

/**
 * @throws {UsageError} when the name does not end in .jsonl
 * @throws {CommandError} naming the file and the row
 */
export async function readAuditColumns(path: string): Promise<AuditColumns> {
  if (!path.endsWith('.jsonl')) {
    throw new UsageError(
      `An audit is read as .jsonl, found ${path}: write it as that (audit --output audit.jsonl).`,
    );
  }
  const builder = new AuditColumnsBuilder();
  let line = 0;
  try {
    for await (const text of textLines(path)) {
      line += 1;
      if (text.trim() !== '') builder.add(JSON.parse(text));
    }
    return builder.finish();
  } catch (error) {
    if (error instanceof CleanerError) throw new CommandError(`${path}: ${error.message}.`);
    if (error instanceof SyntaxError)
      throw new CommandError(`${path}, line ${line}: not JSON (${error.message}).`);
    throw new CommandError(`${path} cannot be read: ${(error as Error).message}.`);
  }
}

/**
 * The dataset as the audit judges it.
 *
 * @throws {CommandError} when the audit is not of this dataset
 */
export async function judgeByAudit(path: string, dataset: FaceDataset): Promise<JudgedDataset> {
  const columns = await readAuditColumns(path);
  try {
    const { audit, positions, undecodable } = auditFromColumns(columns, dataset);
    const fingerprint = datasetFingerprint(dataset);
    return {
      dataset,
      audit,
      positions,
      undecodable: Array.from(undecodable, (position) => ({
        key: dataset.key(position),
        position,
        reason: 'the audit says so',
      })),
      duplicates: [],
      inputs: {
        images: dataset.length,
        classes: fingerprint.classes,
        contentSha256: await contentDigest(dataset),
        fingerprint: fingerprint.hash,
        modelSha256: [],
        trainedOnThis: false,
      },
    };
  } catch (error) {
    if (error instanceof CleanerError) throw new CommandError(`${path}: ${error.message}.`);
    throw error;
  }
}

/** SHA-256 over the SHA-256 of every image's bytes, as embedding computes it on its way. */
async function contentDigest(dataset: FaceDataset): Promise<string> {
  const content = createHash('sha256');
  for (let position = 0; position < dataset.length; position++) {
    const { bytes } = await dataset.read(position);
    content.update(sha256(bytes));
  }
  return content.digest('hex');
}
