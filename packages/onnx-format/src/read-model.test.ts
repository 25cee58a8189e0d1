import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OnnxModel, OnnxTensor } from './model.ts';
import { OnnxFormatError } from './onnx-format-error.ts';
import { ProtobufWriter } from './protobuf-writer.ts';
import { type ParseOptions, parseOnnxModel } from './read-model.ts';
import { tensorOf, tensorValues } from './tensor-values.ts';
import { mutate, xorshift } from './testing/mutate.ts';
import { readEverything } from './testing/read-everything.ts';
import { sampleModel } from './testing/sample-model.ts';
import { serializeOnnxModel } from './write-model.ts';

/** A file with one tensor, written field by field. */
function fileWithTensor(write: (tensor: ProtobufWriter) => void): Uint8Array {
  return new ProtobufWriter().message(7, (graph) => graph.message(5, write)).finish();
}

function readTensorOf(write: (tensor: ProtobufWriter) => void, options?: ParseOptions): OnnxTensor {
  return parseOnnxModel(fileWithTensor(write), options).graph.initializers[0]!;
}

function fault(run: () => unknown): OnnxFormatError {
  try {
    run();
  } catch (error) {
    if (error instanceof OnnxFormatError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const packed = (type: 'float32' | 'float64' | 'int64', values: number[]): Uint8Array =>
  tensorOf('', type, [values.length], values).bytes;

describe('models', () => {
  it('are the same when they were written and read', () => {
    const model = sampleModel();
    expect(parseOnnxModel(serializeOnnxModel(model))).toEqual(model);
  });

  it('keep what is not read here, and lose doc strings of nodes', () => {
    const node = new ProtobufWriter().string(4, 'Relu').string(6, 'where it came from').string(8, 'overload');
    const file = new ProtobufWriter()
      .message(7, (graph) => graph.bytes(1, node.finish()).message(16, (entry) => entry.string(1, 'a')))
      .message(25, (body) => body.string(1, 'a function'))
      .integer(5, 4)
      .finish();
    const model = parseOnnxModel(file);
    const written = Buffer.from(serializeOnnxModel(model));
    expect(written.includes('a function')).toBe(true);
    expect(written.includes('overload')).toBe(true);
    expect(written.includes('where it came from')).toBe(false);
    expect(parseOnnxModel(written)).toEqual(model);
  });

  it('are what fast-check says they are', () => {
    const name = fc.string({ unit: 'grapheme' });
    const size = fc.oneof(fc.nat(), fc.string({ minLength: 1 }), fc.constant(undefined));
    const value = fc.record({ name, elementType: fc.constant('float32' as const), shape: fc.array(size) });
    const attribute = fc.oneof(
      fc.maxSafeInteger(),
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.maxSafeInteger()),
      fc.record({ float: fc.float() }),
      fc.record({ floats: fc.array(fc.float()) }),
    );
    const node = fc.record({
      name,
      opType: fc.string({ minLength: 1 }),
      domain: fc.constant(''),
      inputs: fc.array(name),
      outputs: fc.array(name),
      attributes: fc.dictionary(name, attribute, { noNullPrototype: true }),
    });
    const tensor = fc
      .array(fc.float())
      .map((values) => tensorOf('weights', 'float32', [values.length], values));
    const graph = fc.record({
      name,
      nodes: fc.array(node),
      initializers: fc.array(tensor),
      inputs: fc.array(value),
      outputs: fc.array(value),
      values: fc.array(value),
      docString: name,
    });
    fc.assert(
      fc.property(graph, (content) => {
        const model: OnnxModel = { irVersion: 8, opsets: new Map([['', 17]]), graph: content };
        expect(parseOnnxModel(serializeOnnxModel(model))).toMatchObject(model);
      }),
      { numRuns: 60 },
    );
  });
});

describe('tensors', () => {
  it.each<[string, (tensor: ProtobufWriter) => void, number[]]>([
    [
      'raw bytes',
      (t) =>
        t
          .integer(1, 2)
          .integer(2, 1)
          .bytes(9, packed('float32', [1, 2])),
      [1, 2],
    ],
    [
      'packed dims',
      (t) => t.bytes(1, Uint8Array.of(1, 2)).integer(2, 3).bytes(9, Uint8Array.of(3, 255)),
      [3, -1],
    ],
    [
      'packed floats',
      (t) =>
        t
          .integer(1, 2)
          .integer(2, 1)
          .bytes(4, packed('float32', [1, 2])),
      [1, 2],
    ],
    ['floats one by one', (t) => t.integer(1, 2).integer(2, 1).float(4, 1).float(4, 2), [1, 2]],
    [
      'packed doubles',
      (t) =>
        t
          .integer(1, 1)
          .integer(2, 11)
          .bytes(10, packed('float64', [0.1])),
      [0.1],
    ],
    ['int32 of a narrow type', (t) => t.integer(1, 2).integer(2, 3).integer(5, -1).integer(5, 5), [-1, 5]],
    ['half floats as integers', (t) => t.integer(1, 1).integer(2, 10).integer(5, 0x3c00), [0x3c00]],
    ['bfloat16 as integers', (t) => t.integer(1, 1).integer(2, 16).integer(5, 0xbf80), [0xbf80]],
    [
      'packed int64',
      (t) =>
        t
          .integer(1, 2)
          .integer(2, 7)
          .bytes(7, Uint8Array.of(5, 0x96, 1)),
      [5, 150],
    ],
    ['uint64 of a narrower type', (t) => t.integer(1, 1).integer(2, 12).integer(11, 4_000_000_000), [4e9]],
    ['a scalar', (t) => t.integer(2, 1).float(4, 7), [7]],
    ['no elements', (t) => t.integer(1, 0).integer(2, 1), []],
  ])('are read from %s', (_, write, expected) => {
    expect(Array.from(tensorValues(readTensorOf(write)), Number)).toEqual(expected);
  });

  it.each<[string, (tensor: ProtobufWriter) => void, RegExp]>([
    ['fewer values', (t) => t.integer(1, 2).integer(2, 1).float(4, 1), /takes 8 bytes, found 4/],
    [
      'a huge shape',
      (t) =>
        t
          .integer(1, 2 ** 40)
          .integer(1, 2 ** 40)
          .integer(2, 1),
      /takes .* bytes, found 0/,
    ],
    ['a negative size', (t) => t.integer(1, -2).integer(2, 1), /size -2 in its shape/],
    ['a size of 64 bits', (t) => t.integer(1, 2n ** 62n).integer(2, 1), /size 4611686018427387904/],
    ['an unknown type', (t) => t.integer(2, 99), /data type 99/],
    [
      'floats of integers',
      (t) => t.integer(1, 1).integer(2, 7).float(4, 1),
      /is of int64, but has float_data/,
    ],
    [
      'two forms',
      (t) =>
        t
          .integer(1, 1)
          .integer(2, 1)
          .float(4, 1)
          .bytes(9, packed('float32', [1])),
      /two forms/,
    ],
    [
      'half a float',
      (t) => t.integer(1, 1).integer(2, 1).bytes(4, Uint8Array.of(0, 0)),
      /which 4 do not divide/,
    ],
    ['a wrong wire type', (t) => t.integer(2, 1).integer(9, 1), /raw_data is a varint, expected bytes/],
    ['many sizes', (t) => t.bytes(1, new Uint8Array(1000)), /more than 64 sizes/],
    ['a count of strings', (t) => t.integer(1, 2).integer(2, 8).string(6, 'a'), /has 1 strings/],
  ])('with %s are refused', (_, write, message) => {
    const error = fault(() => tensorValues(readTensorOf(write)));
    expect(error.message).toMatch(message);
    expect(error.code).toBe('invalid-file');
    expect(error.offset).toBeGreaterThan(0);
  });
});

it('a tensor of a file in an unaligned Node buffer is read, too', () => {
  const bytes = serializeOnnxModel(sampleModel());
  for (let shift = 0; shift < 4; shift++) {
    const buffer = Buffer.concat([new Uint8Array(shift), bytes]).subarray(shift);
    const [weight] = parseOnnxModel(buffer).graph.initializers;
    expect([...tensorValues(weight!)]).toEqual([1, -2, 3.5, 0, 5, -6]);
  }
});

describe('values in another file', () => {
  const entry = (tensor: ProtobufWriter, key: string, value: string) =>
    tensor.message(13, (message) => message.string(1, key).string(2, value));
  const at = (location: string) => (tensor: ProtobufWriter) => {
    entry(tensor.integer(1, 1).integer(2, 1).string(8, 'w').integer(14, 1), 'location', location);
    entry(entry(tensor, 'offset', '4'), 'length', '4');
  };

  it('are refused by name unless asked for', () => {
    const error = fault(() => readTensorOf(at('weights.bin')));
    expect(error.code).toBe('unsupported');
    expect(error.message).toMatch(/tensor "w" are in another file, weights.bin/);
  });

  it('are read by the given function', () => {
    const tensor = readTensorOf(at('sub/weights.bin'), {
      external: (place, name) => {
        expect([place, name]).toEqual([{ location: 'sub/weights.bin', offset: 4, length: 4 }, 'w']);
        return packed('float32', [3]);
      },
    });
    expect([...tensorValues(tensor)]).toEqual([3]);
    const short = fault(() => readTensorOf(at('w'), { external: () => new Uint8Array(2) }));
    expect(short.message).toMatch(/takes 4 bytes, w has 2/);
  });

  it('are kept as a place, and written as one', () => {
    const model = parseOnnxModel(fileWithTensor(at('w.bin')), { external: 'keep' });
    expect(model.graph.initializers[0]!.external).toEqual({ location: 'w.bin', offset: 4, length: 4 });
    expect(parseOnnxModel(serializeOnnxModel(model), { external: 'keep' })).toEqual(model);
    expect(fault(() => tensorValues(model.graph.initializers[0]!)).message).toMatch(
      /w\.bin, which was not read/,
    );
  });

  it.each(['/etc/passwd', '../w', 'a/../../w', 'C:\\w', '\\\\host\\w', ''])(
    'are never outside the folder: %s',
    (location) => {
      expect(fault(() => readTensorOf(at(location), { external: 'keep' })).message).toMatch(
        /not a file in the model's folder/,
      );
    },
  );
});

describe('files that are not models', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(), /ends without a graph/],
    ['text', Buffer.from('{"format": "json"}'), /byte/],
    [
      'a length past the end',
      Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f),
      /claims 4294967295 bytes for field 7, of which 0/,
    ],
    ['a field of number 0', Uint8Array.of(0x00, 0x00), /number 0/],
    ['a group', Uint8Array.of(0x0b), /wire type 3/],
    ['an endless integer', new Uint8Array(20).fill(0xff), /does not end/],
    [
      'a graph that is a number',
      new ProtobufWriter().integer(7, 1).finish(),
      /graph is a varint, expected bytes/,
    ],
    [
      'a name that is no text',
      new ProtobufWriter().message(7, (g) => g.bytes(2, Uint8Array.of(0xff))).finish(),
      /name is not UTF-8/,
    ],
    [
      'two graphs',
      new ProtobufWriter()
        .message(7, () => {})
        .message(7, () => {})
        .finish(),
      /graph is there twice/,
    ],
    [
      'a node without operator',
      new ProtobufWriter().message(7, (g) => g.message(1, (n) => n.string(3, 'n'))).finish(),
      /no op_type/,
    ],
  ])('%s is refused, and the byte is said', (_, bytes, message) => {
    const error = fault(() => parseOnnxModel(bytes));
    expect(error.message).toMatch(message);
    expect(error.code).toBe('invalid-file');
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
  });

  it('a graph within a graph, a thousand times, ends in an error and not in a full stack', () => {
    const nest = (graph: ProtobufWriter, depth: number): void => {
      if (depth === 0) return;
      graph.message(1, (node) => {
        node.string(4, 'If').message(5, (attribute) => {
          attribute
            .string(1, 'body')
            .message(6, (inner) => nest(inner, depth - 1))
            .integer(20, 5);
        });
      });
    };
    const file = new ProtobufWriter().message(7, (graph) => nest(graph, 1000)).finish();
    expect(fault(() => parseOnnxModel(file)).message).toMatch(/nested more than 64 messages deep/);
  });

  it('a hundred thousand fields of one number are read in one go', () => {
    const float = new ProtobufWriter().float(4, 1).finish();
    const floats = new Uint8Array(100_000 * float.length);
    for (let i = 0; i < 100_000; i++) floats.set(float, i * float.length);
    const tensor = readTensorOf((t) => t.integer(1, 100_000).integer(2, 1).raw(floats));
    expect(tensor.bytes.length).toBe(400_000);
  });

  // A longer run is bench/fuzz.ts.
  it('any damaged model ends in a result or an OnnxFormatError', () => {
    const random = xorshift(7);
    const seed = serializeOnnxModel(sampleModel());
    expect(readEverything(seed)).toBe(true);
    for (let i = 0; i < 1000; i++) {
      const input = mutate(seed, seed, random);
      try {
        readEverything(input);
      } catch (error) {
        expect.fail(`${Buffer.from(input).toString('hex')}: ${error instanceof Error ? error.stack : error}`);
      }
    }
  });
});
