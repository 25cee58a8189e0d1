/** Makes an audit in a worker. */
import type { AuditColumns } from '@arcface/cleaner';
import { OpenError } from '../session/open-error.ts';
import type { MakeAuditReply, MakeAuditRequest } from './audit-maker.worker.ts';

export interface MadeAudit {
  readonly columns: AuditColumns;
  /** The backend, or that embeddings were there already. */
  readonly computedBy: string;
}

/** @throws {OpenError} with what is wrong with the files */
export async function makeAudit(
  request: MakeAuditRequest,
  onProgress: (progress: { readonly what: string; readonly share: number | undefined }) => void,
): Promise<MadeAudit> {
  const worker = new Worker(new URL('./audit-maker.worker.ts', import.meta.url), { type: 'module' });
  try {
    return await new Promise((resolve, reject) => {
      worker.onerror = ({ message }) => reject(new OpenError(`The audit cannot be made: ${message}`));
      worker.onmessage = ({ data }: MessageEvent<MakeAuditReply>) => {
        if (data.kind === 'progress') onProgress(data);
        else if (data.kind === 'done') resolve(data);
        else reject(new OpenError(data.message));
      };
      worker.postMessage(request);
    });
  } finally {
    worker.terminate();
  }
}
