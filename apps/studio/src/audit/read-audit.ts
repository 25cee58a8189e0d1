/** Reads an audit in a worker. */
import type { AuditColumns } from '@arcface/cleaner';
import { OpenError } from '../session/open-error.ts';
import type { AuditReply, AuditRequest } from './audit.worker.ts';

/**
 * @param onProgress Called with the share of the file that has been read.
 * @throws {OpenError} naming the file, and the row where one is wrong.
 */
export async function readAudit(
  name: string,
  audit: Blob,
  onProgress: (share: number) => void,
): Promise<AuditColumns> {
  if (!/\.(jsonl|parquet)$/.test(name)) {
    throw new OpenError(`An audit is a .jsonl or .parquet file, as arcface audit writes it; found ${name}.`);
  }
  const worker = new Worker(new URL('./audit.worker.ts', import.meta.url), { type: 'module' });
  try {
    return await new Promise((resolve, reject) => {
      worker.onerror = ({ message }) => reject(new OpenError(`${name}: ${message}`));
      worker.onmessage = ({ data }: MessageEvent<AuditReply>) => {
        if (data.kind === 'progress') onProgress(data.share);
        else if (data.kind === 'done') resolve(data.columns);
        else reject(new OpenError(`${name}: ${data.message}.`));
      };
      worker.postMessage({ name, audit } satisfies AuditRequest);
    });
  } finally {
    worker.terminate();
  }
}
