/**
 * A file on an HTTP server as a {@link ByteSource}, read by range requests. Reads that are asked for together and lie
 * close together become one request.
 */
import type { ByteSource } from './byte-source.ts';
import { RecordIOError } from './errors.ts';
import { checkRange } from './memory-source.ts';

/** Options of {@link openHttpSource}. */
export interface HttpSourceOptions {
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Reads with fewer bytes than this between them are fetched as one, gap included. Default 64 KiB. */
  readonly coalesceGap?: number | undefined;
  /** Bytes that a request for several reads asks for at most. Default 8 MiB. */
  readonly maxRequestBytes?: number | undefined;
  /** Requests under way at the same time. Default 6. */
  readonly maxConcurrency?: number | undefined;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface PendingRead {
  readonly start: number;
  readonly end: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
  settled: boolean;
}

/**
 * Asks the server for the size of a file and returns a source over it. The server must answer range requests; should
 * the file change afterwards (another size, ETag or date), reads are errors.
 *
 * @throws RecordIOError `not-found` for status 404 and 410, else `read-failed`
 */
export async function openHttpSource(
  url: string | URL,
  options: HttpSourceOptions = {},
): Promise<ByteSource> {
  const { signal = null } = options;
  const request = options.fetch ?? globalThis.fetch;
  const address = String(url);
  const response = await send(request, address, {
    headers: { ...options.headers, Range: 'bytes=0-0' },
    signal,
  });
  const version = versionOf(response);
  await response.body?.cancel().catch(() => {});
  if (response.status === 416 && contentRange(response)?.total === 0) {
    return new HttpSource(address, 0, version, request, options);
  }
  checkStatus(response, address);
  const range = contentRange(response);
  if (range === undefined) {
    throw failed(
      address,
      'the server does not say how large the file is (Content-Range is missing, or hidden by CORS)',
    );
  }
  return new HttpSource(address, range.total, version, request, options);
}

class HttpSource implements ByteSource {
  readonly byteLength: number;
  readonly #url: string;
  readonly #version: string | undefined;
  readonly #fetch: typeof globalThis.fetch;
  readonly #options: HttpSourceOptions;
  /** Reads that wait to be grouped. */
  #waiting: PendingRead[] = [];
  /** Groups that wait for a request to end. */
  readonly #queue: PendingRead[][] = [];
  #running = 0;

  constructor(
    url: string,
    byteLength: number,
    version: string | undefined,
    fetch: typeof globalThis.fetch,
    options: HttpSourceOptions,
  ) {
    this.#url = url;
    this.byteLength = byteLength;
    this.#version = version;
    this.#fetch = fetch;
    this.#options = options;
  }

  async read(
    start: number,
    end: number,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<Uint8Array> {
    const { signal } = options;
    signal?.throwIfAborted();
    checkRange(this.byteLength, start, end);
    if (start === end) {
      return new Uint8Array(0);
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => read.reject(signal?.reason);
      const settle = (): void => {
        read.settled = true;
        signal?.removeEventListener('abort', onAbort);
      };
      const read: PendingRead = {
        start,
        end,
        signal,
        settled: false,
        resolve: (bytes) => {
          settle();
          resolve(bytes);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort);
      if (this.#waiting.length === 0) {
        // Reads that are started together reach this point before a timer fires.
        setTimeout(() => this.#group());
      }
      this.#waiting.push(read);
    });
  }

  #group(): void {
    const { coalesceGap = 1 << 16, maxRequestBytes = 1 << 23 } = this.#options;
    const reads = this.#waiting.filter(({ settled }) => !settled).sort((a, b) => a.start - b.start);
    this.#waiting = [];
    let group: PendingRead[] = [];
    let groupEnd = 0;
    for (const read of reads) {
      const joins =
        group.length > 0 &&
        read.start - groupEnd <= coalesceGap &&
        Math.max(groupEnd, read.end) - group[0]!.start <= maxRequestBytes;
      if (joins) {
        group.push(read);
      } else {
        group = [read];
        this.#queue.push(group);
      }
      groupEnd = joins ? Math.max(groupEnd, read.end) : read.end;
    }
    this.#startNext();
  }

  #startNext(): void {
    const { maxConcurrency = 6 } = this.#options;
    while (this.#running < maxConcurrency && this.#queue.length > 0) {
      const group = this.#queue.shift()!.filter(({ settled }) => !settled);
      if (group.length > 0) {
        this.#running++;
        void this.#serve(group).finally(() => {
          this.#running--;
          this.#startNext();
        });
      }
    }
  }

  async #serve(group: readonly PendingRead[]): Promise<void> {
    const start = group[0]!.start;
    const end = group.reduce((largest, read) => Math.max(largest, read.end), 0);
    const controller = new AbortController();
    const stopWhenUnwanted = (): void => {
      if (group.every(({ settled, signal }) => settled || signal?.aborted)) {
        controller.abort();
      }
    };
    for (const { signal } of group) {
      signal?.addEventListener('abort', stopWhenUnwanted);
    }
    try {
      const bytes = await this.#request(start, end, controller.signal);
      for (const read of group) {
        read.resolve(bytes.subarray(read.start - start, read.end - start));
      }
    } catch (error) {
      for (const read of group) {
        read.reject(error);
      }
    } finally {
      for (const { signal } of group) {
        signal?.removeEventListener('abort', stopWhenUnwanted);
      }
    }
  }

  async #request(start: number, end: number, signal: AbortSignal): Promise<Uint8Array> {
    const headers = { ...this.#options.headers, Range: `bytes=${start}-${end - 1}` };
    const response = await send(this.#fetch, this.#url, { headers, signal });
    try {
      checkStatus(response, this.#url);
      const range = contentRange(response);
      if (
        range !== undefined &&
        (range.start !== start || range.end !== end || range.total !== this.byteLength)
      ) {
        throw failed(
          this.#url,
          `asked for bytes ${start}-${end - 1} of ${this.byteLength}, the server gave ${range.start}-${range.end - 1} of ${range.total}`,
          start,
        );
      }
      if (versionOf(response) !== this.#version) {
        throw failed(this.#url, 'the file on the server has changed since it was opened', start);
      }
      return await readBody(response, end - start, this.#url, start, signal);
    } catch (error) {
      await response.body?.cancel().catch(() => {});
      throw error;
    }
  }
}

async function send(request: typeof globalThis.fetch, url: string, init: RequestInit): Promise<Response> {
  try {
    return await request(url, init);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw failed(url, cause instanceof Error ? cause.message : String(cause), undefined, cause);
  }
}

function checkStatus(response: Response, url: string): void {
  const { status } = response;
  if (status === 404 || status === 410) {
    throw new RecordIOError('not-found', `Cannot read ${url}: the server answers ${status}`, { path: url });
  }
  if (status === 200) {
    throw failed(url, 'the server sends the whole file: it does not support range requests');
  }
  if (status !== 206) {
    throw failed(url, `the server answers ${status} ${response.statusText}`.trim());
  }
}

function contentRange(response: Response): { start: number; end: number; total: number } | undefined {
  const match = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15})$/.exec(
    response.headers.get('content-range') ?? '',
  );
  return match === null
    ? undefined
    : { start: Number(match[1] ?? 0), end: Number(match[2] ?? -1) + 1, total: Number(match[3]) };
}

function versionOf(response: Response): string | undefined {
  return response.headers.get('etag') ?? response.headers.get('last-modified') ?? undefined;
}

/** Memory for a body is made as the body arrives: at first this much, then twice as much each time. */
const FIRST_BODY_BYTES = 1 << 22;

/** Reads exactly as many bytes as were asked for; a server that sends more is stopped. */
async function readBody(
  response: Response,
  length: number,
  url: string,
  offset: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  let bytes = new Uint8Array(Math.min(length, FIRST_BODY_BYTES));
  let filled = 0;
  const reader = response.body?.getReader();
  const nextPart = async (): Promise<Uint8Array | undefined> => {
    try {
      return (await reader?.read())?.value;
    } catch (cause) {
      signal.throwIfAborted();
      throw failed(url, `the connection broke after ${filled} of ${length} bytes`, offset, cause);
    }
  };
  for (let part = await nextPart(); part !== undefined; part = await nextPart()) {
    const end = filled + part.length;
    if (end > length) {
      await reader?.cancel().catch(() => {});
      throw failed(url, `the server sends more than the ${length} bytes that were asked for`, offset);
    }
    if (end > bytes.length) {
      const larger = new Uint8Array(Math.min(length, Math.max(end, 2 * bytes.length)));
      larger.set(bytes.subarray(0, filled));
      bytes = larger;
    }
    bytes.set(part, filled);
    filled = end;
  }
  if (filled < length) {
    throw failed(url, `the connection ended after ${filled} of ${length} bytes`, offset);
  }
  return bytes;
}

function failed(url: string, what: string, offset?: number, cause?: unknown): RecordIOError {
  return new RecordIOError('read-failed', `Cannot read ${url}: ${what}`, { path: url, offset, cause });
}
