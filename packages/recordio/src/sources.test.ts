import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { blobSource } from './blob-source.ts';
import type { ByteSource } from './byte-source.ts';
import { openHttpSource } from './http-source.ts';
import { encodeImageRecord } from './image-record.ts';
import { memorySource } from './memory-source.ts';
import { openFileSource } from './node/file-source.ts';
import { openRecordDataset } from './record-dataset.ts';
import { encodeRecord } from './record-frame.ts';

const content = new Uint8Array(
  Buffer.concat(
    Array.from({ length: 50 }, (_, i) =>
      encodeRecord(encodeImageRecord({ label: i % 7, id: i, content: new Uint8Array(1000 + i).fill(i) })),
    ),
  ),
);

/** For what comes by the event loop, on a machine that is busy with other things. */
const PATIENCE = { timeout: 60_000, interval: 5 };

let folder: string;
let path: string;

/** A server of one file, whose manners each test may change. */
const manners = {
  ranges: true,
  etag: '"1"',
  extra: 0,
  missing: 0,
  hang: false,
  breakOff: false,
  wrongRange: false,
  status: 206,
  encoding: 'identity',
  /** Added to the size that the server states. */
  claims: 0,
};
const polite = { ...manners };
const requests: string[] = [];
let closedEarly = 0;

function serve(request: IncomingMessage, response: ServerResponse): void {
  const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
  requests.push(`${request.url} ${range?.[1]}-${range?.[2]}`);
  response.on('close', () => {
    closedEarly += Number(!response.writableFinished);
  });
  if (request.url === '/empty') {
    response.writeHead(416, { 'content-range': 'bytes */0' }).end();
  } else if (request.url !== '/file') {
    response.writeHead(404).end();
  } else if (!manners.ranges || range === null) {
    response.writeHead(200).end(content);
  } else {
    const start = Number(range[1]);
    const end = Number(range[2]) + 1;
    const shift = Number(manners.wrongRange && start > 0);
    response.writeHead(start > 0 ? manners.status : 206, {
      etag: manners.etag,
      'content-range': `bytes ${start + shift}-${end - 1 + shift}/${content.length + manners.claims}`,
      'content-encoding': manners.encoding,
    });
    if (manners.breakOff && start > 0) {
      response.write(content.subarray(start, start + 2), () => response.destroy());
      return;
    }
    if (manners.hang && start > 0) {
      response.flushHeaders();
      return;
    }
    const body = content.subarray(start, end - (start > 0 ? manners.missing : 0));
    response.end(Buffer.concat([body, new Uint8Array(start > 0 ? manners.extra : 0)]));
  }
}

const server = createServer(serve);
let origin: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recordio-'));
  path = join(folder, 'file.rec');
  await writeFile(path, content);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

beforeEach(() => {
  Object.assign(manners, polite);
  requests.length = 0;
  closedEarly = 0;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

const SOURCES: Record<string, () => ByteSource | Promise<ByteSource>> = {
  memory: () => memorySource(content),
  file: () => openFileSource(path),
  'file, always in another thread': () => openFileSource(path, { synchronousBytes: 0 }),
  blob: () => blobSource(new Blob([content])),
  http: () => openHttpSource(`${origin}/file`),
};

describe.each(Object.keys(SOURCES))('%s', (kind) => {
  test('reads any range, and refuses those that are not within it', async () => {
    const source = await SOURCES[kind]!();
    expect(source.byteLength).toBe(content.length);
    const ranges: [number, number][] = [
      [0, 1],
      [5, 5],
      [17, 3000],
      [content.length - 1, content.length],
      [0, content.length],
    ];
    const read = await Promise.all(ranges.map(([start, end]) => source.read(start, end)));
    expect(read.map((bytes) => [...bytes])).toEqual(
      ranges.map(([start, end]) => [...content.subarray(start, end)]),
    );
    for (const [start, end] of [
      [-1, 1],
      [2, 1],
      [0, content.length + 1],
      [0.5, 1],
      [0, Number.NaN],
    ] as const) {
      await expect(source.read(start, end)).rejects.toThrow(RangeError);
    }
    await (source as { close?(): Promise<void> }).close?.();
  });

  test('can be aborted before', async () => {
    const source = await SOURCES[kind]!();
    await expect(source.read(0, 1, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
    await (source as { close?(): Promise<void> }).close?.();
  });

  test('serves a dataset', async () => {
    const records = await SOURCES[kind]!();
    const dataset = await openRecordDataset({ records });
    expect([...dataset.labels]).toEqual(Array.from({ length: 50 }, (_, i) => i % 7));
    expect((await dataset.read(33)).bytes).toEqual(new Uint8Array(1033).fill(33));
    await (records as { close?(): Promise<void> }).close?.();
  });
});

test('a file that shrinks while it is read is an error, as is one that was closed', async () => {
  const shrinking = join(folder, 'shrinking');
  await writeFile(shrinking, content);
  const source = await openFileSource(shrinking);
  await truncate(shrinking, 100);
  await expect(source.read(50, 200)).rejects.toMatchObject({ code: 'read-failed', offset: 100 });
  await source.close();
  await expect(source.read(0, 1)).rejects.toMatchObject({ code: 'closed' });
  await expect(openFileSource(folder)).rejects.toMatchObject({ code: 'read-failed' });
});

describe('http', () => {
  test('reads that start together are one request, those far apart are not', async () => {
    const source = await openHttpSource(`${origin}/file`, { coalesceGap: 100, maxRequestBytes: 5000 });
    requests.length = 0;
    const ranges: [number, number][] = [
      [1000, 1100],
      [40, 60],
      [1150, 1400],
      [1120, 1130],
      [9000, 9001],
      [9000, 13000],
      [13050, 15000],
    ];
    const read = await Promise.all(ranges.map(([start, end]) => source.read(start, end)));
    expect(read.map((bytes) => [...bytes])).toEqual(
      ranges.map(([start, end]) => [...content.subarray(start, end)]),
    );
    expect(requests.sort()).toEqual([
      '/file 1000-1399',
      '/file 13050-14999',
      '/file 40-59',
      '/file 9000-12999',
    ]);
  });

  test('an aborted read gives up at once; the request ends when nobody wants it', async () => {
    const source = await openHttpSource(`${origin}/file`);
    manners.hang = true;
    const one = new AbortController();
    const two = new AbortController();
    const reads = [source.read(10, 20, { signal: one.signal }), source.read(20, 30, { signal: two.signal })];
    const settled = Promise.allSettled(reads);
    await vi.waitFor(() => expect(requests).toContain('/file 10-29'), PATIENCE);
    one.abort('first');
    await expect(reads[0]).rejects.toBe('first');
    expect(closedEarly).toBe(0);
    two.abort('second');
    await expect(reads[1]).rejects.toBe('second');
    await settled;
    await vi.waitFor(() => expect(closedEarly).toBe(1), PATIENCE);
  });

  test('an empty file, and one that is not there', async () => {
    expect((await openHttpSource(`${origin}/empty`)).byteLength).toBe(0);
    await expect(openHttpSource(`${origin}/nothing`)).rejects.toMatchObject({ code: 'not-found' });
    await expect(openHttpSource('http://127.0.0.1:1/file')).rejects.toMatchObject({ code: 'read-failed' });
  });

  test('a size that lies makes no memory of that size', async () => {
    manners.claims = 2 ** 40;
    const source = await openHttpSource(`${origin}/file`);
    expect(source.byteLength).toBe(content.length + 2 ** 40);
    // 2^40 bytes could not be had at all: that would be a RangeError.
    await expect(source.read(10, 2 ** 40)).rejects.toMatchObject({ code: 'read-failed' });
  });

  test('a body of many megabytes is put together', async () => {
    const large = new Uint8Array(9 << 20).map((_, i) => i % 251);
    const fetch: typeof globalThis.fetch = async (_, init) => {
      const [start, end] = new Headers(init?.headers).get('range')!.slice(6).split('-').map(Number);
      const headers = { 'content-range': `bytes ${start}-${end}/${large.length}` };
      return new Response(large.subarray(start, end! + 1), { status: 206, headers });
    };
    const source = await openHttpSource('http://localhost/large', { fetch });
    expect(Buffer.from(await source.read(1, large.length)).equals(large.subarray(1))).toBe(true);
  });

  test.each([
    ['sends the whole file', { ranges: false }],
    ['sends too much', { extra: 1 }],
    ['sends too little', { missing: 1 }],
    ['sends another range', { wrongRange: true }],
    ['has another version by now', { etag: '"2"' }],
    ['has a shorter file by now', { claims: -1 }],
    ['breaks off', { breakOff: true }],
    ['refuses the range', { status: 416 }],
    ['is down', { status: 503 }],
    ['says the bytes are compressed', { encoding: 'gzip' }],
  ])('a server that %s', async (_, change) => {
    const source = await openHttpSource(`${origin}/file`);
    Object.assign(manners, change);
    await expect(source.read(10, 20)).rejects.toMatchObject({ name: 'RecordIOError', code: 'read-failed' });
  });
});
