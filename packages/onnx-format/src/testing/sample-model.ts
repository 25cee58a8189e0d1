/** A model that has something of everything, and pieces to make others from. */
import type { OnnxModel, OnnxTensor } from '../model.ts';
import { tensorOf } from '../tensor-values.ts';

const EMPTY_BYTES = new Uint8Array();

export function sampleModel(): OnnxModel {
  const weight = tensorOf('weight', 'float32', [2, 3], [1, -2, 3.5, 0, 5, -6]);
  return {
    irVersion: 9,
    opsets: new Map([
      ['', 20],
      ['com.example', 1],
    ]),
    producerName: 'a test',
    producerVersion: '1.0',
    docString: 'says something',
    metadata: new Map([
      ['key', 'value'],
      ['__proto__', 'no harm'],
    ]),
    graph: {
      name: 'graph',
      docString: '',
      nodes: [
        {
          name: 'first',
          opType: 'Everything',
          domain: 'com.example',
          inputs: ['x', '', 'weight'],
          outputs: ['y'],
          attributes: {
            integer: -3,
            wide: 2n ** 63n - 1n,
            text: 'häuser',
            blob: Uint8Array.of(0xff, 0xfe),
            integers: [1, -1, 2 ** 40],
            float: { float: 0.5 },
            floats: { floats: [1.5, -2.5] },
            strings: { strings: ['a', '', Uint8Array.of(0x80)] },
            tensor: { tensor: weight },
            graph: {
              graph: {
                name: 'inner',
                docString: '',
                nodes: [],
                initializers: [weight],
                inputs: [],
                outputs: [{ name: 'weight', elementType: 'float32', shape: [2, 3] }],
                values: [],
              },
            },
          },
        },
      ],
      initializers: [weight, ...tensors()],
      inputs: [{ name: 'x', elementType: 'float32', shape: ['batch', undefined, 3] }],
      outputs: [{ name: 'y', elementType: 'float16', shape: [] }, { name: 'unknown' }],
      values: [{ name: 'z', elementType: 'int64', shape: undefined }],
    },
  };
}

/** A tensor of each type that JavaScript has an array for, and of some that it has not. */
function tensors(): OnnxTensor[] {
  return [
    tensorOf('f64', 'float64', [1], [Math.PI]),
    tensorOf('i8', 'int8', [2], [-1, 1]),
    tensorOf('u8', 'uint8', [0, 5], []),
    tensorOf('i16', 'int16', [1, 1], [-300]),
    tensorOf('u16', 'uint16', [], [60_000]),
    tensorOf('f16', 'float16', [1], [0x3c00]),
    tensorOf('bf16', 'bfloat16', [1], [0x3f80]),
    tensorOf('i32', 'int32', [1], [-7]),
    tensorOf('u32', 'uint32', [1], [4e9]),
    tensorOf('i64', 'int64', [2], [-1, 2 ** 40]),
    tensorOf('u64', 'uint64', [1], [3]),
    tensorOf('flag', 'bool', [2], [1, 0]),
    { name: 'nibbles', elementType: 'uint4', dims: [3], bytes: Uint8Array.of(0x21, 0x03) },
    {
      name: 'words',
      elementType: 'string',
      dims: [2],
      bytes: EMPTY_BYTES,
      strings: [Uint8Array.of(97), Uint8Array.of()],
    },
  ];
}
