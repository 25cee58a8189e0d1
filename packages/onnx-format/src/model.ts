/**
 * An ONNX model as plain data: what `ModelProto` and the messages in it say, with the names of their fields. Reading gives
 * it, writing takes it, and programs make it by hand.
 *
 * What the format has beyond this (functions of the model's own, quantisation notes, metadata of nodes) is kept as bytes
 * in `unread`, so that a model that is read and written again has lost nothing but doc strings and denotations.
 */
import type { ElementType } from './element-type.ts';

/** A model: a graph and which operators it speaks of. */
export interface OnnxModel {
  /** Version of the file format; operator sets from 20 on want 9. */
  readonly irVersion: number;
  /** Versions of operator sets by domain; the domain of ONNX itself is `''`. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly producerName?: string | undefined;
  readonly producerVersion?: string | undefined;
  readonly docString?: string | undefined;
  /** Whatever its makers want to say of it. */
  readonly metadata?: ReadonlyMap<string, string> | undefined;
  readonly graph: OnnxGraph;
  /** Other fields, as they lay in the file. */
  readonly unread?: Uint8Array | undefined;
}

/** Nodes in an order in which they can run, and the constants that they use. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  /** Old files list their initialisers here, too. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Types of values in between, where they are known. */
  readonly values?: readonly OnnxValue[] | undefined;
  readonly docString?: string | undefined;
  readonly unread?: Uint8Array | undefined;
}

/** An operator in its place. */
export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  /** Of the operator set; `''` is ONNX's own. */
  readonly domain: string;
  /** Names of values; an empty one is an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: OnnxAttributes;
  readonly unread?: Uint8Array | undefined;
}

export type OnnxAttributes = Readonly<Record<string, OnnxAttributeValue>>;

/**
 * A number is an integer, an array holds integers, text is a string; everything else says what it is. Integers that a
 * number does not hold exactly are bigints, strings that are not UTF-8 are bytes.
 */
export type OnnxAttributeValue =
  | number
  | bigint
  | string
  | Uint8Array
  | readonly (number | bigint)[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly (string | Uint8Array)[] }
  | { readonly tensor: OnnxTensor }
  | { readonly graph: OnnxGraph }
  /** Of a kind that is not read here (types, sparse tensors, lists of graphs): the whole attribute, as it lay in the file. */
  | { readonly unread: Uint8Array };

/** Name and type of a value. */
export interface OnnxValue {
  readonly name: string;
  /** Of a tensor; undefined when the type is not said, or is not a tensor's. */
  readonly elementType?: ElementType | undefined;
  /**
   * A size, the name of a size that is only known when the model runs, or undefined for one without a name. The whole is
   * undefined when not even the rank is known.
   */
  readonly shape?: readonly (number | string | undefined)[] | undefined;
  /** The type of what is not a tensor, as it lay in the file. */
  readonly otherType?: Uint8Array | undefined;
}

/** A constant. */
export interface OnnxTensor {
  readonly name: string;
  readonly elementType: ElementType;
  readonly dims: readonly number[];
  /** Row-major, little-endian; elements narrower than a byte are packed, the first in the lowest bits. Often a view of the file. */
  readonly bytes: Uint8Array;
  /** Values of a tensor of strings. */
  readonly strings?: readonly Uint8Array[] | undefined;
  /** Where the bytes are when they are not in the file; `bytes` is empty then. */
  readonly external?: ExternalData | undefined;
}

/** A place in another file. */
export interface ExternalData {
  /** Relative to the model's folder, and within it. */
  readonly location: string;
  readonly offset: number;
  /** Undefined: up to the end of the file. */
  readonly length: number | undefined;
}
