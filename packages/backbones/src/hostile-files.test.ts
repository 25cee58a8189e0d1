import { beforeAll, describe, expect, it } from 'vitest';
import { BackbonesError } from './backbones-error.ts';
import { parseNdArrays } from './mxnet/ndarray-file.ts';
import { readMxnetSymbol } from './mxnet/symbol-reader.ts';
import { nearestNames } from './nearest-names.ts';
import { parseSafetensors } from './safetensors/safetensors.ts';
import { setCpuBackend } from './testing/backend.ts';
import { hostileReaders, refuses } from './testing/hostile-readers.ts';

beforeAll(setCpuBackend);

function failure(act: () => unknown): BackbonesError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(BackbonesError);
    return error as BackbonesError;
  }
  throw new Error('expected a failure');
}

describe('files that are damaged anywhere', () => {
  // bench/fuzz.ts does so for as many seeds as one likes.
  it('are read or refused with a typed error', () => {
    for (const reader of hostileReaders()) {
      let refused = 0;
      for (let seed = 0; seed < 400; seed++) refused += refuses(reader, seed) ? 1 : 0;
      expect(refused, reader.name).toBeGreaterThan(100);
    }
  });
});

describe('files that would exhaust a careless reader', () => {
  const header = (json: string): Uint8Array => {
    const text = new TextEncoder().encode(json);
    const bytes = new Uint8Array(8 + text.length);
    new DataView(bytes.buffer).setUint32(0, text.length, true);
    bytes.set(text, 8);
    return bytes;
  };

  it('by nesting are refused, not overflowed by', () => {
    const deep = `{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    expect(failure(() => parseSafetensors(header(deep))).code).toBe('invalid-file');
    expect(failure(() => readMxnetSymbol(deep)).code).toBe('invalid-file');
    expect(failure(() => readMxnetSymbol('['.repeat(2 ** 23 + 1))).message).toMatch(/more than any network/);
  });

  it('by a chain of many nodes are read as fast as they are long', () => {
    const nodes = Array.from({ length: 20_000 }, (_, i) =>
      i === 0
        ? { op: 'null', name: 'data', inputs: [] }
        : { op: '_copy', name: `n${i}`, inputs: [[i - 1, 0]] },
    );
    const graph = readMxnetSymbol(JSON.stringify({ nodes, heads: [[19_999, 0]] }));
    expect(graph.nodes.length).toBe(19_999);
  });

  it('by empty arrays without number are bounded by their bytes', () => {
    // V0 records of no dimensions take four bytes each.
    const bytes = new Uint8Array(24 + 4 * 20_000 + 8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x112, true);
    view.setUint32(16, 20_000, true);
    expect(parseNdArrays(bytes).arrays.length).toBe(20_000);
    view.setUint32(20, 1, true);
    expect(failure(() => parseNdArrays(bytes)).offset).toBe(16);
  });

  it('by names that are long are told apart in little time', () => {
    const long = 'x'.repeat(1_000_000);
    expect(nearestNames(long, [`${long}y`, 'conv0_weight'], 1)).toHaveLength(1);
  });
});
