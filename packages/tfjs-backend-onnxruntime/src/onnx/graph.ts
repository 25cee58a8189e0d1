// An ONNX graph under construction: nodes are appended in an order in which they can run, values are names. The same
// operation on the same inputs is written once (two convolutions that need the same permuted weights share
// it), and so is a constant. The result is the bytes of an ONNX `ModelProto`.

import { ProtobufWriter } from './protobuf.ts';

/** Element types as `TensorProto.DataType` numbers them. */
export const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof elementTypes;

/** A number is written as an integer, an array as integers; floats say so. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | { float: number }
  | { floats: readonly number[] };
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** ONNX Runtime's own domain for the blocked channel layout. */
export const nchwcDomain = 'com.microsoft.nchwc';

const opsetVersion = 20;
const irVersion = 9;

// AttributeProto.AttributeType
const floatType = 1;
const intType = 2;
const stringType = 3;
const graphType = 5;
const floatsType = 6;
const intsType = 7;

function writeAttribute(message: ProtobufWriter, name: string, value: AttributeValue): void {
  message.string(1, name);
  if (typeof value === 'number') message.integer(3, value).integer(20, intType);
  else if (typeof value === 'string') message.string(4, value).integer(20, stringType);
  else if ('float' in value) message.float(2, value.float).integer(20, floatType);
  else if ('floats' in value) {
    for (const x of value.floats) message.float(7, x);
    message.integer(20, floatsType);
  } else {
    for (const x of value) message.integer(8, x);
    message.integer(20, intsType);
  }
}

function rawData(type: ElementType, data: ArrayLike<number>): Uint8Array {
  switch (type) {
    case 'float32':
      return new Uint8Array(Float32Array.from(data).buffer);
    case 'int32':
      return new Uint8Array(Int32Array.from(data).buffer);
    case 'int64':
      return new Uint8Array(BigInt64Array.from(Array.from(data, BigInt)).buffer);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(data);
  }
}

/** Builds the nodes, inputs, outputs and constants of one ONNX model. */
export class OnnxGraph {
  /** Prefix of the names of the nodes written next, so that a message of ONNX Runtime can be traced back. */
  scope = 'graph';

  #nodes: Uint8Array[] = [];
  readonly #initializers: Uint8Array[] = [];
  readonly #inputs: Uint8Array[] = [];
  readonly #outputs: Uint8Array[] = [];
  /** What was written, so as not to write it again: of the graph, and of the branches that are being written. */
  readonly #written: Map<string, readonly string[]>[] = [new Map()];
  readonly #constants = new Map<string, string>();
  readonly #domains = new Set<string>();
  #names = 0;

  get nodeCount(): number {
    return this.#nodes.length;
  }

  /** Appends an operator with one output and returns the output's name. */
  op(type: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    return this.ops(type, inputs, 1, attributes, domain)[0]!;
  }

  /** Appends an operator with several outputs. An empty input name is an optional input left out. */
  ops(
    type: string,
    inputs: readonly string[],
    outputCount: number,
    attributes: Attributes = {},
    domain = '',
  ): readonly string[] {
    const key = `${domain}.${type}(${inputs.join(',')})${outputCount}${JSON.stringify(attributes)}`;
    for (const written of this.#written) {
      const before = written.get(key);
      if (before) return before;
    }
    const outputs = Array.from({ length: outputCount }, () => this.#name());
    const message = new ProtobufWriter();
    for (const input of inputs) message.string(1, input);
    for (const output of outputs) message.string(2, output);
    message.string(3, `${this.scope}/${type}/${outputs[0]}`).string(4, type);
    for (const [name, value] of Object.entries(attributes)) {
      message.message(5, (attribute) => writeAttribute(attribute, name, value));
    }
    if (domain) {
      message.string(7, domain);
      this.#domains.add(domain);
    }
    this.#nodes.push(message.finish());
    this.#written.at(-1)!.set(key, outputs);
    return outputs;
  }

  /**
   * One of two values, computed only if it is the one: operators written by `then` and `otherwise` run when the scalar
   * bool `condition` is true and when it is not. Both give a tensor of this type and shape.
   */
  conditional(
    condition: string,
    then: () => string,
    otherwise: () => string,
    type: ElementType,
    shape: readonly number[],
  ): string {
    const branches = [this.#branch(then, type, shape), this.#branch(otherwise, type, shape)];
    const output = this.#name();
    const message = new ProtobufWriter().string(1, condition).string(2, output);
    message.string(3, `${this.scope}/If/${output}`).string(4, 'If');
    for (const [i, branch] of branches.entries()) {
      message.message(5, (attribute) =>
        attribute
          .string(1, i === 0 ? 'then_branch' : 'else_branch')
          .bytes(6, branch)
          .integer(20, graphType),
      );
    }
    this.#nodes.push(message.finish());
    return output;
  }

  /** A graph of its own that may use every value written before it; what it writes is not seen outside. */
  #branch(write: () => string, type: ElementType, shape: readonly number[]): Uint8Array {
    const outside = this.#nodes;
    this.#nodes = [];
    this.#written.push(new Map());
    const result = write();
    const name = this.#name();
    const copy = new ProtobufWriter()
      .string(1, result)
      .string(2, name)
      .string(3, `${this.scope}/branch/${name}`);
    this.#nodes.push(copy.string(4, 'Identity').finish());
    const graph = new ProtobufWriter();
    for (const node of this.#nodes) graph.bytes(1, node);
    graph.string(2, name).bytes(12, valueInfo(name, type, shape));
    this.#nodes = outside;
    this.#written.pop();
    return graph.finish();
  }

  /** A constant tensor; equal constants are stored once. */
  constant(type: ElementType, shape: readonly number[], data: ArrayLike<number>): string {
    const key = `${type}[${shape.join(',')}]${Array.prototype.join.call(data, ',')}`;
    const before = this.#constants.get(key);
    if (before) return before;
    const name = this.#name();
    const message = new ProtobufWriter();
    for (const size of shape) message.integer(1, size);
    message.integer(2, elementTypes[type]).string(8, name).bytes(9, rawData(type, data));
    this.#initializers.push(message.finish());
    this.#constants.set(key, name);
    return name;
  }

  /** A list of int64, as axes, shapes and pads are given. */
  integers(values: readonly number[]): string {
    return this.constant('int64', [values.length], values);
  }

  input(type: ElementType, shape: readonly number[]): string {
    const name = this.#name();
    this.#inputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** Declares `value` as a result of the graph; returns the name under which it comes out. */
  output(value: string, type: ElementType, shape: readonly number[]): string {
    const name = this.#name();
    const message = new ProtobufWriter().string(1, value).string(2, name).string(3, `output/${name}`);
    this.#nodes.push(message.string(4, 'Identity').finish());
    this.#outputs.push(valueInfo(name, type, shape));
    return name;
  }

  /** The serialised `ModelProto`. */
  serialise(): Uint8Array {
    const model = new ProtobufWriter().integer(1, irVersion).string(2, 'tfjs-backend-onnxruntime');
    model.message(7, (graph) => {
      for (const node of this.#nodes) graph.bytes(1, node);
      graph.string(2, 'trace');
      for (const initializer of this.#initializers) graph.bytes(5, initializer);
      for (const input of this.#inputs) graph.bytes(11, input);
      for (const output of this.#outputs) graph.bytes(12, output);
    });
    model.message(8, (opset) => opset.string(1, '').integer(2, opsetVersion));
    for (const domain of this.#domains) model.message(8, (opset) => opset.string(1, domain).integer(2, 1));
    return model.finish();
  }

  #name(): string {
    return `v${this.#names++}`;
  }
}

function valueInfo(name: string, type: ElementType, shape: readonly number[]): Uint8Array {
  return new ProtobufWriter()
    .string(1, name)
    .message(2, (typeProto) =>
      typeProto.message(1, (tensor) =>
        tensor.integer(1, elementTypes[type]).message(2, (shapeProto) => {
          for (const size of shape) shapeProto.message(1, (dimension) => dimension.integer(1, size));
        }),
      ),
    )
    .finish();
}
