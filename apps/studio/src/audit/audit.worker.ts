/** Parses an audit off the main thread, and hands its columns over without copying them. */
import { type AuditColumns, CleanerError } from '@arcface/cleaner';
import { columnBuffers } from './column-buffers.ts';
import { parseJsonLines, parseParquet } from './parse-audit.ts';

export type AuditRequest = { readonly name: string; readonly audit: Blob };

export type AuditReply =
  | { readonly kind: 'progress'; readonly share: number }
  | { readonly kind: 'done'; readonly columns: AuditColumns }
  | { readonly kind: 'failed'; readonly message: string };

addEventListener('message', async ({ data: { name, audit } }: MessageEvent<AuditRequest>) => {
  const reply = (message: AuditReply, transfer: Transferable[] = []): void =>
    self.postMessage(message, { transfer });
  let told = 0;
  const onProgress = (bytes: number): void => {
    const share = bytes / audit.size;
    if (share - told < 0.02) return;
    told = share;
    reply({ kind: 'progress', share });
  };
  try {
    const columns = name.endsWith('.parquet')
      ? await parseParquet(
          {
            byteLength: audit.size,
            slice: (start, end) => audit.slice(start, end).arrayBuffer(),
          },
          { onProgress },
        )
      : await parseJsonLines(audit.stream(), { onProgress });
    reply({ kind: 'done', columns }, columnBuffers(columns));
  } catch (error) {
    const message =
      error instanceof CleanerError ? error.message : `it cannot be read (${(error as Error).message})`;
    reply({ kind: 'failed', message });
  }
});
