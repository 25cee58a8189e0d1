import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { crc32c, TensorBoardLog } from './tensorboard-log.ts';

/* That TensorBoard itself reads the file can be seen with tooling/oracles/tensorboard/read_events.py. */

test('CRC-32C has the values of RFC 3720, appendix B.4', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
});

test('writes whole records in order, without values that are not finite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'arcface-tensorboard-'));
  const log = new TensorBoardLog(join(folder, 'board'), { now: new Date(1_700_000_000_000) });
  log.append(1, { loss: 2.5, rate: Number.NaN });
  log.append(2, { rate: Number.POSITIVE_INFINITY });
  log.append(300, { loss: -1 });
  log.begin(301);
  await log.flush();
  const payloads = recordsOf(readFileSync(log.path));
  expect(payloads.map((payload) => payload.toString('hex'))).toEqual([
    `09${hex(1_700_000_000)}1a0d${Buffer.from('brain.Event:2').toString('hex')}`,
    ...[
      ['01', '2.5'],
      ['ac02', '-1'],
    ].map(([step, value], i) => {
      const float = Buffer.alloc(4);
      float.writeFloatLE(Number(value));
      const time = payloads[i + 1]!.subarray(1, 9).toString('hex');
      return `09${time}10${step}2a0d0a0b0a046c6f737315${float.toString('hex')}`;
    }),
    `09${payloads.at(-1)!.subarray(1, 9).toString('hex')}10ad023a020801`,
  ]);
  rmSync(folder, { recursive: true });
});

test('tells of a folder that cannot be written to at once, and to whoever waits, by the name of the file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'arcface-tensorboard-'));
  writeFileSync(join(folder, 'taken'), '');
  const told: Error[] = [];
  const log = new TensorBoardLog(join(folder, 'taken', 'board'), { onFailure: (error) => told.push(error) });
  log.append(1, { loss: 1 });
  log.append(2, { loss: 1 });
  const failure = log.flush();
  await expect(failure).rejects.toMatchObject({ code: 'not-written' });
  await expect(failure).rejects.toThrow(`${log.path} could not be written (ENOTDIR`);
  expect(told).toHaveLength(1);
  rmSync(folder, { recursive: true });
});

function recordsOf(file: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    payloads.push(file.subarray(at + 12, at + 12 + length));
    at += 12 + length + 4;
  }
  return payloads;
}

function hex(seconds: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(seconds);
  return bytes.toString('hex');
}
