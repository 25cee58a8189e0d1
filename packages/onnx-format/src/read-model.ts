/** Reads the bytes of a `ModelProto`. The numbers are those of the fields in ONNX's own `onnx.proto`. */
import { elementTypeOf } from './element-type.ts';
import type {
  OnnxAttributes,
  OnnxAttributeValue,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from './model.ts';
import { addField, type ProtobufField, ProtobufMessage } from './protobuf-reader.ts';
import { type ExternalDataPolicy, readTensor } from './read-tensor.ts';

/** Options of {@link parseOnnxModel}. */
export interface ParseOptions {
  /**
   * What to do about tensors whose values are in another file: refuse the model, keep only where they are, or a function
   * that gives the bytes. Default `refuse`.
   */
  readonly external?: ExternalDataPolicy | undefined;
}

/**
 * Reads a model.
 *
 * Weights are views of `bytes`, so don't write to them afterwards. The file may be hostile: nothing is allocated because a
 * length in it says so. That the graph makes sense (operators exist, names are defined) is not checked here.
 *
 * @throws OnnxFormatError `invalid-file` with the byte offset; `unsupported` for values in another file
 */
export function parseOnnxModel(bytes: Uint8Array, options: ParseOptions = {}): OnnxModel {
  const message = new ProtobufMessage('ModelProto', bytes);
  const { external = 'refuse' } = options;
  const opsets = new Map<string, number>();
  const metadata = new Map<string, string>();
  const unread: Uint8Array[] = [];
  let [irVersion, producerName, producerVersion, docString] = [0, '', '', ''];
  let graph: OnnxGraph | undefined;
  for (const field of message.fields()) {
    switch (field.number) {
      case 1:
        irVersion = field.size('ir_version');
        break;
      case 2:
        producerName = field.text('producer_name');
        break;
      case 3:
        producerVersion = field.text('producer_version');
        break;
      case 6:
        docString = field.text('doc_string');
        break;
      case 7:
        if (graph !== undefined) throw field.fault('graph', 'is there twice');
        graph = readGraph(field.message('graph', 'GraphProto'), external);
        break;
      case 8: {
        const [domain, version] = readOpset(field.message('opset_import', 'OperatorSetIdProto'));
        opsets.set(domain, version);
        break;
      }
      case 14: {
        const [key, value] = readEntry(field.message('metadata_props', 'StringStringEntryProto'));
        metadata.set(key, value);
        break;
      }
      default:
        unread.push(field.encoded);
    }
  }
  if (graph === undefined) {
    throw message.fault(bytes.length, 'ends without a graph; is this an ONNX file, and a whole one?');
  }
  return { irVersion, opsets, producerName, producerVersion, docString, metadata, graph, ...kept(unread) };
}

function readOpset(message: ProtobufMessage): [string, number] {
  let [domain, version] = ['', 0];
  for (const field of message.fields()) {
    if (field.number === 1) domain = field.text('domain');
    else if (field.number === 2) version = field.size('version');
  }
  // The long name of ONNX's own domain.
  return [domain === 'ai.onnx' ? '' : domain, version];
}

function readEntry(message: ProtobufMessage): [string, string] {
  let [key, value] = ['', ''];
  for (const field of message.fields()) {
    if (field.number === 1) key = field.text('key');
    else if (field.number === 2) value = field.text('value');
  }
  return [key, value];
}

function readGraph(message: ProtobufMessage, external: ExternalDataPolicy): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const values: OnnxValue[] = [];
  const unread: Uint8Array[] = [];
  let [name, docString] = ['', ''];
  for (const field of message.fields()) {
    switch (field.number) {
      case 1:
        nodes.push(readNode(field.message('node', 'NodeProto'), external));
        break;
      case 2:
        name = field.text('name');
        break;
      case 5:
        initializers.push(readTensor(field.message('initializer', 'TensorProto'), external));
        break;
      case 10:
        docString = field.text('doc_string');
        break;
      case 11:
        inputs.push(readValue(field.message('input', 'ValueInfoProto')));
        break;
      case 12:
        outputs.push(readValue(field.message('output', 'ValueInfoProto')));
        break;
      case 13:
        values.push(readValue(field.message('value_info', 'ValueInfoProto')));
        break;
      default:
        unread.push(field.encoded);
    }
  }
  return { name, nodes, initializers, inputs, outputs, values, docString, ...kept(unread) };
}

function readNode(message: ProtobufMessage, external: ExternalDataPolicy): OnnxNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, OnnxAttributeValue>();
  const unread: Uint8Array[] = [];
  let [name, opType, domain] = ['', '', ''];
  for (const field of message.fields()) {
    switch (field.number) {
      case 1:
        inputs.push(field.text('input'));
        break;
      case 2:
        outputs.push(field.text('output'));
        break;
      case 3:
        name = field.text('name');
        break;
      case 4:
        opType = field.text('op_type');
        break;
      case 5: {
        const [key, value] = readAttribute(field.message('attribute', 'AttributeProto'), external);
        if (attributes.has(key)) throw field.fault('attribute', `${JSON.stringify(key)} is there twice`);
        attributes.set(key, value);
        break;
      }
      // A doc string: the most of some files, stack traces of where their nodes come from.
      case 6:
        break;
      case 7:
        domain = field.text('domain');
        break;
      default:
        unread.push(field.encoded);
    }
  }
  if (opType === '') throw message.fault(message.offset, 'has no op_type');
  // Own properties, whatever they are called.
  const named = Object.fromEntries(attributes) as OnnxAttributes;
  if (domain === 'ai.onnx') domain = '';
  return { name, opType, domain, inputs, outputs, attributes: named, ...kept(unread) };
}

/** Kinds of attributes: in which field the value of each type is, and how it is read. */
function readAttribute(message: ProtobufMessage, external: ExternalDataPolicy): [string, OnnxAttributeValue] {
  const fields = new Map<number, ProtobufField[]>();
  let name = '';
  let type: number | undefined;
  for (const field of message.fields()) {
    if (field.number === 1) name = field.text('name');
    else if (field.number === 20) type = field.size('type');
    else addField(fields, field);
  }
  return [name, value()];

  function value(): OnnxAttributeValue {
    // An attribute of a function's own, which the caller gives.
    if (fields.has(21)) return { unread: message.bytes };
    // Files of the first version say no type; a single field then has the value.
    switch (type ?? typeOfField([...fields.keys()])) {
      case 1:
        return { float: last(2)?.float('f') ?? 0 };
      case 2:
        return last(3)?.integer('i') ?? 0;
      case 3:
        return textOrBytes(last(4)?.bytes('s') ?? new Uint8Array());
      case 4: {
        const tensor = last(5);
        if (tensor === undefined)
          throw message.fault(message.offset, `${JSON.stringify(name)} has no tensor`);
        return { tensor: readTensor(tensor.message('t', 'TensorProto'), external) };
      }
      case 5: {
        const graph = last(6);
        if (graph === undefined) throw message.fault(message.offset, `${JSON.stringify(name)} has no graph`);
        return { graph: readGraph(graph.message('g', 'GraphProto'), external) };
      }
      case 6:
        return { floats: all(7).flatMap((field) => floatsOf(field.fixed('floats', 4))) };
      case 7: {
        const integers: (number | bigint)[] = [];
        for (const field of all(8)) field.integers('ints', integers);
        return integers;
      }
      case 8:
        return { strings: all(9).map((field) => textOrBytes(field.bytes('strings'))) };
      default:
        return { unread: message.bytes };
    }
  }

  function all(number: number): readonly ProtobufField[] {
    return fields.get(number) ?? [];
  }

  function last(number: number): ProtobufField | undefined {
    return all(number).at(-1);
  }
}

/** The type whose value is in one of these fields. */
function typeOfField(numbers: readonly number[]): number | undefined {
  const types = new Map([
    [2, 1],
    [3, 2],
    [4, 3],
    [5, 4],
    [6, 5],
    [7, 6],
    [8, 7],
    [9, 8],
  ]);
  const found = numbers.flatMap((number) => types.get(number) ?? []);
  return found.length === 1 ? found[0] : undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes;
  }
}

function floatsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function readValue(message: ProtobufMessage): OnnxValue {
  let name = '';
  let type: ProtobufField | undefined;
  for (const field of message.fields()) {
    if (field.number === 1) name = field.text('name');
    else if (field.number === 2) type = field;
  }
  return type === undefined ? { name } : { name, ...readType(type.message('type', 'TypeProto')) };
}

function readType(message: ProtobufMessage): Omit<OnnxValue, 'name'> {
  for (const field of message.fields()) {
    if (field.number === 1) return readTensorType(field.message('tensor_type', 'TypeProto.Tensor'));
  }
  return { otherType: message.bytes };
}

function readTensorType(message: ProtobufMessage): Omit<OnnxValue, 'name'> {
  let code = 0;
  let shape: OnnxValue['shape'];
  for (const field of message.fields()) {
    if (field.number === 1) code = field.size('elem_type');
    else if (field.number === 2) shape = readShape(field.message('shape', 'TensorShapeProto'));
  }
  // Type 0 says that it is not known.
  const elementType = elementTypeOf(code);
  if (elementType === undefined && code !== 0) {
    throw message.fault(message.offset, `has element type ${code}, which there is none of`);
  }
  return { elementType, shape };
}

function readShape(message: ProtobufMessage): (number | string | undefined)[] {
  const shape: (number | string | undefined)[] = [];
  for (const field of message.fields()) {
    if (field.number !== 1) continue;
    let size: number | string | undefined;
    for (const part of field.message('dim', 'TensorShapeProto.Dimension').fields()) {
      if (part.number === 1) size = knownSize(part.integer('dim_value'));
      else if (part.number === 2) size = part.text('dim_param') || undefined;
    }
    shape.push(size);
  }
  return shape;
}

/** Some writers give -1 for a size that is not known. */
function knownSize(value: number | bigint): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

function kept(unread: readonly Uint8Array[]): { unread?: Uint8Array } {
  if (unread.length === 0) return {};
  const bytes = new Uint8Array(unread.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const field of unread) {
    bytes.set(field, offset);
    offset += field.length;
  }
  return { unread: bytes };
}
