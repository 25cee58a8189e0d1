// An ONNX graph under construction: nodes are appended in an order in which they can run, values are names. The same
// operation on the same inputs is written once (two convolutions that need the same permuted weights share
// it), and so is a constant. What comes out is a model of `onnx-format`, which writes it.

import {
  elementTypes as allElementTypes,
  type OnnxAttributes,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  serializeOnnxModel,
  tensorOf,
} from 'onnx-format';

/** Element types that occur here, as `TensorProto.DataType` numbers them. */
export const elementTypes = {
  float32: allElementTypes.float32.code,
  float16: allElementTypes.float16.code,
  uint8: allElementTypes.uint8.code,
  int32: allElementTypes.int32.code,
  int64: allElementTypes.int64.code,
  bool: allElementTypes.bool.code,
} as const;
export type ElementType = keyof typeof elementTypes;

/** A number is written as an integer, an array as integers; floats say so. */
export type Attributes = OnnxAttributes;

/** ONNX Runtime's own domain for the blocked channel layout. */
export const nchwcDomain = 'com.microsoft.nchwc';

const opsetVersion = 20;
const irVersion = 9;

/** Builds the nodes, inputs, outputs and constants of one ONNX model. */
export class OnnxGraph {
  /** Prefix of the names of the nodes written next, so that a message of ONNX Runtime can be traced back. */
  scope = 'graph';

  #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxTensor[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  /** What was written, so as not to write it again: of the graph, and of the branches that are being written. */
  readonly #written: Map<string, readonly string[]>[] = [new Map()];
  readonly #constants = new Map<string, string>();
  /** Operators' results that are not results of the graph. */
  readonly #computed = new Set<string>();
  readonly #domains = new Set<string>();
  #names = 0;

  get nodeCount(): number {
    return this.#nodes.length;
  }

  /** Values named so far; a value is called `v` and its number. */
  get valueCount(): number {
    return this.#names;
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
    const name = `${this.scope}/${type}/${outputs[0]}`;
    this.#nodes.push({ name, opType: type, domain, inputs, outputs, attributes });
    for (const output of outputs) this.#computed.add(output);
    if (domain) this.#domains.add(domain);
    this.#written.at(-1)!.set(key, outputs);
    return outputs;
  }

  /**
   * Writes the convolution that was written last once more, with a summand that it adds to what it computes, in its own
   * place; null where `value` is not its result, or something is added or done to that in it already. Nothing else may read `value`.
   */
  convolutionWithSummand(value: string, summand: string): string | null {
    const at = this.#nodes.findLastIndex(({ opType }) => opType === 'Conv');
    const last = this.#nodes[at];
    if (last?.outputs[0] !== value || last.domain !== nchwcDomain) return null;
    const [x = '', filter = '', bias = '', ...more] = last.inputs;
    if (more.length > 0 || 'activation' in last.attributes) return null;
    this.#nodes.splice(at, 1);
    this.#computed.delete(value);
    const written = this.#written.at(-1)!;
    for (const [key, outputs] of written) if (outputs[0] === value) written.delete(key);
    const outside = this.scope;
    this.scope = last.name.slice(0, last.name.indexOf('/'));
    const sum = this.op('Conv', [x, filter, bias, summand], last.attributes, nchwcDomain);
    this.scope = outside;
    return sum;
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
    const branches = {
      then_branch: this.#branch(then, type, shape),
      else_branch: this.#branch(otherwise, type, shape),
    };
    const output = this.#name();
    this.#append(`${this.scope}/If/${output}`, 'If', condition, output, branches);
    return output;
  }

  /** A graph of its own that may use every value written before it; what it writes is not seen outside. */
  #branch(write: () => string, type: ElementType, shape: readonly number[]): OnnxAttributes[string] {
    const outside = this.#nodes;
    this.#nodes = [];
    this.#written.push(new Map());
    const result = write();
    const name = this.#name();
    this.#append(`${this.scope}/branch/${name}`, 'Identity', result, name);
    const outputs = [{ name, elementType: type, shape }];
    const graph = { name, nodes: this.#nodes, initializers: [], inputs: [], outputs };
    this.#nodes = outside;
    this.#written.pop();
    return { graph };
  }

  /** A constant tensor; equal constants are stored once. */
  constant(type: ElementType, shape: readonly number[], data: ArrayLike<number>): string {
    const key = `${type}[${shape.join(',')}]${Array.prototype.join.call(data, ',')}`;
    const before = this.#constants.get(key);
    if (before) return before;
    const name = this.#name();
    this.#initializers.push(tensorOf(name, type, shape, data));
    this.#constants.set(key, name);
    return name;
  }

  /** A list of int64, as axes, shapes and pads are given. */
  integers(values: readonly number[]): string {
    return this.constant('int64', [values.length], values);
  }

  input(type: ElementType, shape: readonly number[]): string {
    const name = this.#name();
    this.#inputs.push({ name, elementType: type, shape });
    return name;
  }

  /**
   * Declares `value` as a result of the graph; returns the name under which it comes out. That is its own, which saves a
   * copy, unless it is an input, a constant or a result already.
   */
  output(value: string, type: ElementType, shape: readonly number[]): string {
    if (this.#computed.delete(value)) {
      this.#outputs.push({ name: value, elementType: type, shape });
      return value;
    }
    const name = this.#name();
    this.#append(`output/${name}`, 'Identity', value, name);
    this.#outputs.push({ name, elementType: type, shape });
    return name;
  }

  /** The serialised `ModelProto`. */
  serialise(): Uint8Array {
    return serializeOnnxModel({
      irVersion,
      opsets: new Map([['', opsetVersion], ...Array.from(this.#domains, (domain) => [domain, 1] as const)]),
      producerName: 'tfjs-backend-onnxruntime',
      graph: {
        name: 'trace',
        nodes: this.#nodes,
        initializers: this.#initializers,
        inputs: this.#inputs,
        outputs: this.#outputs,
      },
    });
  }

  /** Appends an operator of one input and one output that is never shared. */
  #append(
    name: string,
    opType: string,
    input: string,
    output: string,
    attributes: OnnxAttributes = {},
  ): void {
    this.#nodes.push({ name, opType, domain: '', inputs: [input], outputs: [output], attributes });
  }

  #name(): string {
    return `v${this.#names++}`;
  }
}
