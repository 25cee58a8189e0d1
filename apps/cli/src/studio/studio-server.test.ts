import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHttpSource } from '@arcface/recordio/http';
import { openFaceDataset, writeFaceDataset } from '@arcface/recordio/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInProcess } from '../testing/run-in-process.ts';
import { writeStripedFaces } from '../testing/striped-faces.ts';
import { decisionsStore } from './decisions-store.ts';
import { recordFileOf, studioFiles } from './studio-data.ts';
import { type StudioServer, startStudioServer } from './studio-server.ts';

let folder: string;
let server: StudioServer;
let served: StudioServer;
const at = (...parts: string[]) => join(folder, ...parts);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-server-'));
  await writeStripedFaces(at('faces'), { identities: 3, images: 4 });
  const images = await openFaceDataset(at('faces'));
  await writeFaceDataset({
    directory: at('records'),
    layout: 'insightface',
    images: (async function* () {
      for (let i = 0; i < images.length; i++) yield await images.read(i);
    })(),
  });
  writeFileSync(at('my audit.jsonl'), '{"key":1}\n');
  writeFileSync(at('index.html'), '<!doctype html>');
  writeFileSync(at('secret.txt'), 'not to be served');
  const shared = { title: 'faces', audit: at('my audit.jsonl'), mask: false };
  server = await startStudioServer({
    app: `${at('records')}/`,
    files: studioFiles({ ...shared, records: recordFileOf(at('records')), images: false, decisions: true }),
    images: undefined,
    decisions: decisionsStore(at('review.json')),
    port: 0,
  });
  served = await startStudioServer({
    app: `${folder}/`,
    files: studioFiles({ ...shared, records: recordFileOf(at('faces')), images: true, decisions: false }),
    images,
    decisions: undefined,
    port: 0,
  });
});
afterAll(async () => {
  await server.close();
  await served.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A request as no browser would send it. */
function ask(path: string, headers: Record<string, string>, port = server.port): Promise<number> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on('error', reject)
      .end();
  });
}

describe('the server of the studio', () => {
  test('answers below its random path only, and to its own name only', async () => {
    const { pathname, origin } = new URL(server.address);
    expect(pathname).toMatch(/^\/[\w-]{32}\/$/);
    expect((await fetch(server.address.concat('studio.json'))).status).toBe(200);
    for (const path of [
      '/',
      '/studio.json',
      '/data/train.rec',
      `${pathname.slice(0, -2)}/studio.json`,
      '//',
      '/%00/',
    ]) {
      expect((await fetch(`${origin}${path}`)).status, path).toBe(403);
    }
    const ours = `127.0.0.1:${server.port}`;
    expect(await ask(`${pathname}studio.json`, { host: ours })).toBe(200);
    expect(await ask(`${pathname}studio.json`, { host: `localhost:${server.port}` })).toBe(200);
    for (const host of [
      `rebound.example:${server.port}`,
      'rebound.example',
      '127.0.0.1',
      `${ours}.example`,
    ]) {
      expect(await ask(`${pathname}studio.json`, { host }), host).toBe(403);
    }
  });

  test('gives no file that is not the studio or the data', async () => {
    const { pathname } = new URL(served.address);
    for (const path of [
      '../secret.txt',
      '..%2fsecret.txt',
      'data/../../secret.txt',
      'images/..%2f..%2fsecret.txt',
      '.hidden',
    ]) {
      const status = await ask(pathname + path, { host: `127.0.0.1:${served.port}` }, served.port);
      expect([403, 404], path).toContain(status);
    }
  });

  test('says in every answer that nothing may be embedded, stored, or loaded from elsewhere', async () => {
    for (const place of ['studio.json', 'data/train.rec', 'nothing']) {
      const { headers } = await fetch(server.address + place);
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'.*frame-ancestors 'none'$/);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.has('access-control-allow-origin')).toBe(false);
    }
  });

  test('gives records by ranges', async () => {
    const source = await openHttpSource(`${server.address}data/train.rec`);
    const bytes = readFileSync(at('records', 'train.rec'));
    expect(source.byteLength).toBe(bytes.length);
    expect(Buffer.from(await source.read(100, 900)).equals(bytes.subarray(100, 900))).toBe(true);
    const manifest = await (await fetch(`${server.address}studio.json`)).json();
    expect(manifest).toMatchObject({
      title: 'faces',
      audit: 'audit.jsonl',
      data: { records: 'data/train.rec', index: 'data/train.idx', property: 'data/property' },
      decisions: 'decisions',
    });
    expect(await (await fetch(`${server.address}audit.jsonl`)).text()).toBe('{"key":1}\n');
  });

  test('gives images of a folder by key', async () => {
    const dataset = await openFaceDataset(at('faces'));
    const rows = (await (await fetch(`${served.address}listing.jsonl`)).text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ key }) => key)).toEqual(Array.from({ length: 12 }, (_, i) => dataset.key(i)));
    const { key, bytes } = await dataset.read(5);
    const response = await fetch(`${served.address}images/${encodeURIComponent(key)}`);
    expect(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true);
    expect((await fetch(`${served.address}images/nobody.jpg`)).status).toBe(404);
  });

  test('saves decisions into the file, and nothing that is none', async () => {
    const place = `${server.address}decisions`;
    expect((await fetch(place)).status).toBe(204);
    const text = '{"format":"arcface-decisions","version":1}\n{"key":1,"decision":"drop"}\n';
    expect((await fetch(place, { method: 'PUT', body: text })).status).toBe(204);
    expect(readFileSync(at('review.json'), 'utf8')).toBe(text);
    const refused = await fetch(place, { method: 'PUT', body: '{"key":1,"decision":"burn"}\n' });
    expect([refused.status, await refused.text()]).toEqual([
      400,
      'line 1: decision must be keep, drop or relabel, found "burn"',
    ]);
    expect(await (await fetch(place)).text()).toBe(text);
    expect((await fetch(`${server.address}studio.json`, { method: 'PUT', body: text })).status).toBe(405);
  });
});

describe('arcface studio', () => {
  test.each([
    [['--data', 'faces'], 2, /Give the audit of the data, too/],
    [['--audit', 'nothing.jsonl'], 2, /There is no audit/],
    [['--audit', 'secret.txt'], 2, /reads an audit as \.jsonl or \.parquet/],
    [['--decisions', 'review.json'], 2, /--decisions needs the --audit/],
    [
      ['--audit', 'my audit.jsonl', '--decisions', 'nowhere/review.json'],
      1,
      /There is no folder .*nowhere to save review\.json into/,
    ],
  ])('refuses %j', async (args, exitCode, message) => {
    const paths = args.map((each) => (each.startsWith('--') ? each : at(each)));
    const outcome = await runInProcess('studio', '--no-open', ...paths);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.exitCode).toBe(exitCode);
  });
});
