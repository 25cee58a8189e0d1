/**
 * Serves the studio and somebody's faces to the browser on this machine, and to nobody else.
 *
 * - It listens on 127.0.0.1 only.
 * - Everything stands below a random path. Other pages cannot know it, and a path, unlike a cookie, is not sent to the other programs
 *   that serve on this address.
 * - A request that names another host is refused: a page of a foreign host that resolves to 127.0.0.1 gets nothing (DNS rebinding).
 * - No answer may be embedded, stored, or read by another origin, and the page may load nothing from anywhere else.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname } from 'node:path';
import { Readable } from 'node:stream';
import { parseDecisions } from '@arcface/cleaner';
import { type FaceDataset, imageExtension } from '@arcface/recordio';
import send from 'send';
import type { DecisionsStore } from './decisions-store.ts';
import { datasetListing, type StudioFiles } from './studio-data.ts';

const HOST = '127.0.0.1';

const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob:; connect-src 'self' blob:; " +
    "worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cache-Control': 'no-store',
};

export interface StudioServerOptions {
  /** Folder with the built studio. */
  readonly app: string;
  readonly files: StudioFiles;
  /** Images in files, served by key. */
  readonly images: FaceDataset | undefined;
  readonly decisions: DecisionsStore | undefined;
  /** Default: one that is free. */
  readonly port: number;
}

export interface StudioServer {
  /** With the random path. */
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** @throws the operating system's error, `EADDRINUSE` among them */
export async function startStudioServer(options: StudioServerOptions): Promise<StudioServer> {
  const token = randomBytes(24).toString('base64url');
  const answer = answering(options, token);
  const server = createServer((request, response) => {
    answer(request, response).catch((error: Error) => {
      if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' });
      response.end(error.message);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { address: `http://${HOST}:${port}/${token}/`, port, close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

function answering({ app, files, images, decisions }: StudioServerOptions, token: string): Answer {
  const positionOf =
    images && new Map(Array.from({ length: images.length }, (_, i) => [String(images.key(i)), i]));
  const json = JSON.stringify(files.manifest);
  return async (request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const [pathname = ''] = (request.url ?? '').split('?');
    const [, given = '', ...rest] = pathname.split('/');
    if (!isOurHost(request) || !isSame(given, token)) return refuse(response, 403, 'Forbidden');
    const place = rest.join('/');
    if (place === 'decisions' && decisions !== undefined) return keepDecisions(request, response, decisions);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(response, 405, 'Method not allowed');
    if (place === 'studio.json') {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(json);
    } else if (place === 'listing.jsonl' && images !== undefined) {
      response.writeHead(200, { 'Content-Type': 'application/jsonl' });
      Readable.from(datasetListing(images)).pipe(response);
    } else if (place.startsWith('images/') && positionOf !== undefined) {
      const position = positionOf.get(decoded(place.slice('images/'.length)));
      if (position === undefined) return refuse(response, 404, 'There is no such image');
      const { bytes } = await images!.read(position);
      response
        .writeHead(200, { 'Content-Type': `image/${imageExtension(bytes) === 'png' ? 'png' : 'jpeg'}` })
        .end(bytes);
    } else if (place === 'service-worker.js') {
      // What is served ends with this program: nothing of it is to be kept.
      refuse(response, 404, 'Not found');
    } else {
      const file = files.files.get(place);
      const [root, name] =
        file === undefined ? [app, place || 'index.html'] : [dirname(file), basename(file)];
      // The files of a user may have any name.
      send(request, `/${encodeURIComponent(name).replaceAll('%2F', '/')}`, {
        root,
        dotfiles: file === undefined ? 'deny' : 'allow',
        cacheControl: false,
        index: false,
      })
        .on('error', ({ status = 500 }: { status?: number }) => refuse(response, status, 'Not found'))
        .on('directory', () => refuse(response, 404, 'Not found'))
        .pipe(response);
    }
  };
}

function isOurHost({ headers, socket }: IncomingMessage): boolean {
  const { localPort } = socket;
  return headers.host === `${HOST}:${localPort}` || headers.host === `localhost:${localPort}`;
}

function isSame(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(reason);
}

/** A million decisions take about 60 MB. */
const MOST_BYTES = 256 << 20;

async function keepDecisions(
  request: IncomingMessage,
  response: ServerResponse,
  decisions: DecisionsStore,
): Promise<void> {
  if (request.method === 'GET') {
    const text = await decisions.read();
    if (text === undefined) response.writeHead(204).end();
    else response.writeHead(200, { 'Content-Type': 'application/jsonl' }).end(text);
    return;
  }
  if (request.method !== 'PUT') return refuse(response, 405, 'Method not allowed');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) return refuse(response, 413, 'Too large');
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  try {
    parseDecisions(text);
  } catch (error) {
    return refuse(response, 400, (error as Error).message);
  }
  await decisions.write(text);
  response.writeHead(204).end();
}
