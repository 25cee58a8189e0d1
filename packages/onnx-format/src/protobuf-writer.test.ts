import { expect, it } from 'vitest';
import { ProtobufWriter } from './protobuf-writer.ts';

it('writes fields as the Protocol Buffers encoding guide does', () => {
  expect([...new ProtobufWriter().integer(1, 150).finish()]).toEqual([0x08, 0x96, 0x01]);
  expect([...new ProtobufWriter().string(2, 'testing').finish()]).toEqual([
    0x12,
    7,
    ...Buffer.from('testing'),
  ]);
  const nested = new ProtobufWriter().message(3, (message) => message.integer(1, 150)).finish();
  expect([...nested]).toEqual([0x1a, 3, 8, 0x96, 1]);
  expect([...new ProtobufWriter().integer(1, -1).finish()]).toEqual([8, ...new Array(9).fill(255), 1]);
  expect([...new ProtobufWriter().integer(1, 2 ** 40).finish()]).toEqual([8, 128, 128, 128, 128, 128, 32]);
  expect([...new ProtobufWriter().integer(1, 2n ** 63n - 1n).finish()]).toEqual([
    8,
    ...new Array(8).fill(255),
    127,
  ]);
});

it('keeps large values as they are given, in their place', () => {
  const large = new Uint8Array(5000).fill(7);
  const writer = new ProtobufWriter().integer(1, 1).message(2, (message) => message.bytes(1, large));
  writer.integer(3, 3);
  expect(writer.pieces().some((piece) => piece === large)).toBe(true);
  const expected = [8, 1, 0x12, 0x8b, 0x27, 0x0a, 0x88, 0x27, ...large, 0x18, 3];
  expect([...writer.finish()]).toEqual(expected);
  expect(writer.byteLength).toBe(expected.length);
});
