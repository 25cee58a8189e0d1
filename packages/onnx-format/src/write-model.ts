/** Writes a model as the bytes of a `ModelProto`. The numbers are those of the fields in ONNX's own `onnx.proto`. */
import { byteLengthOf, elementTypes } from './element-type.ts';
import type { OnnxAttributeValue, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from './model.ts';
import { OnnxFormatError } from './onnx-format-error.ts';
import { ProtobufWriter } from './protobuf-writer.ts';

/** `AttributeProto.AttributeType`. */
const FLOAT = 1;
const INT = 2;
const STRING = 3;
const TENSOR = 4;
const GRAPH = 5;
const FLOATS = 6;
const INTS = 7;
const STRINGS = 8;

/** What Protocol Buffers can hold in one message. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * The bytes of the file, in the pieces that make it up: weights are not copied.
 *
 * @throws OnnxFormatError `invalid-model` if a tensor's bytes do not fit its shape, a number in an attribute is not an integer, or
 *   the file would exceed 2 GiB
 */
export function onnxModelPieces(model: OnnxModel): readonly Uint8Array[] {
  return modelWriter(model).pieces();
}

/**
 * The bytes of the file.
 *
 * @throws OnnxFormatError as {@link onnxModelPieces}
 */
export function serializeOnnxModel(model: OnnxModel): Uint8Array {
  return modelWriter(model).finish();
}

function modelWriter(model: OnnxModel): ProtobufWriter {
  const { irVersion, producerName, producerVersion, docString, opsets, metadata = [], unread } = model;
  const message = new ProtobufWriter().integer(1, irVersion);
  if (producerName) message.string(2, producerName);
  if (producerVersion) message.string(3, producerVersion);
  if (docString) message.string(6, docString);
  message.message(7, (graph) => writeGraph(graph, model.graph));
  for (const [domain, version] of opsets) {
    message.message(8, (opset) => opset.string(1, domain).integer(2, version));
  }
  for (const [key, value] of metadata) {
    message.message(14, (entry) => entry.string(1, key).string(2, value));
  }
  if (unread) message.raw(unread);
  if (message.byteLength > MAX_BYTES) {
    throw new OnnxFormatError(
      'invalid-model',
      `the model takes ${message.byteLength} bytes, an ONNX file at most ${MAX_BYTES}`,
    );
  }
  return message;
}

function writeGraph(message: ProtobufWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) message.message(1, (field) => writeNode(field, node));
  message.string(2, graph.name);
  for (const tensor of graph.initializers) message.message(5, (field) => writeTensor(field, tensor));
  if (graph.docString) message.string(10, graph.docString);
  for (const value of graph.inputs) message.message(11, (field) => writeValue(field, value));
  for (const value of graph.outputs) message.message(12, (field) => writeValue(field, value));
  for (const value of graph.values ?? []) message.message(13, (field) => writeValue(field, value));
  if (graph.unread) message.raw(graph.unread);
}

function writeNode(message: ProtobufWriter, node: OnnxNode): void {
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  if (node.name) message.string(3, node.name);
  message.string(4, node.opType);
  for (const [name, value] of Object.entries(node.attributes)) {
    if (typeof value === 'object' && 'unread' in value) message.bytes(5, value.unread);
    else message.message(5, (field) => writeAttribute(field.string(1, name), name, value));
  }
  if (node.domain) message.string(7, node.domain);
  if (node.unread) message.raw(node.unread);
}

type KnownValue = Exclude<OnnxAttributeValue, { unread: Uint8Array }>;

function writeAttribute(message: ProtobufWriter, name: string, value: KnownValue): void {
  if (typeof value === 'number' || typeof value === 'bigint') {
    message.integer(3, wholeNumber(name, value)).integer(20, INT);
  } else if (typeof value === 'string' || value instanceof Uint8Array) {
    writeString(message, 4, value).integer(20, STRING);
  } else if ('float' in value) {
    message.float(2, value.float).integer(20, FLOAT);
  } else if ('floats' in value) {
    for (const x of value.floats) message.float(7, x);
    message.integer(20, FLOATS);
  } else if ('strings' in value) {
    for (const text of value.strings) writeString(message, 9, text);
    message.integer(20, STRINGS);
  } else if ('tensor' in value) {
    message.message(5, (field) => writeTensor(field, value.tensor)).integer(20, TENSOR);
  } else if ('graph' in value) {
    message.message(6, (field) => writeGraph(field, value.graph)).integer(20, GRAPH);
  } else {
    for (const x of value) message.integer(8, wholeNumber(name, x));
    message.integer(20, INTS);
  }
}

/** A fraction would be cut off, and a number beyond 2^53 is not the one that was meant. */
function wholeNumber(name: string, value: number | bigint): number | bigint {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return value;
  throw new OnnxFormatError(
    'invalid-model',
    `attribute ${JSON.stringify(name)} has ${value}, expected an integer (or { float }, or a bigint)`,
  );
}

function writeString(message: ProtobufWriter, field: number, text: string | Uint8Array): ProtobufWriter {
  return typeof text === 'string' ? message.string(field, text) : message.bytes(field, text);
}

function writeTensor(message: ProtobufWriter, tensor: OnnxTensor): void {
  const { name, elementType, dims, bytes, strings, external } = tensor;
  if (
    external === undefined &&
    elementType !== 'string' &&
    bytes.length !== byteLengthOf(elementType, dims)
  ) {
    throw new OnnxFormatError(
      'invalid-model',
      `tensor ${JSON.stringify(name)} of ${elementType} and shape [${dims}] cannot have ${bytes.length} bytes`,
    );
  }
  for (const size of dims) message.integer(1, size);
  message.integer(2, elementTypes[elementType].code);
  for (const text of strings ?? []) message.bytes(6, text);
  if (name) message.string(8, name);
  if (external !== undefined) {
    const { location, offset, length } = external;
    const entries = { location, offset, ...(length === undefined ? {} : { length }) };
    for (const [key, value] of Object.entries(entries)) {
      message.message(13, (entry) => entry.string(1, key).string(2, String(value)));
    }
    message.integer(14, 1);
  } else if (elementType !== 'string') {
    message.bytes(9, bytes);
  }
}

function writeValue(message: ProtobufWriter, { name, elementType, shape, otherType }: OnnxValue): void {
  message.string(1, name);
  if (elementType === undefined) {
    if (otherType) message.bytes(2, otherType);
    return;
  }
  message.message(2, (type) =>
    type.message(1, (tensor) => {
      tensor.integer(1, elementTypes[elementType].code);
      if (shape === undefined) return;
      tensor.message(2, (dimensions) => {
        for (const size of shape) {
          dimensions.message(1, (dimension) => {
            if (typeof size === 'number') dimension.integer(1, size);
            else if (size !== undefined) dimension.string(2, size);
          });
        }
      });
    }),
  );
}
