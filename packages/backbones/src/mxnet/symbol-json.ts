/**
 * MXNet's symbol JSON as a checked list of nodes. The format has changed over the years (attributes were called `param`
 * and `attr`, inputs were pairs); all of it becomes one shape here, and nothing that refers to a node that is not there
 * gets through.
 */
import { BackbonesError } from '../backbones-error.ts';

export interface SymbolNode {
  /** `null` for variables: data and parameters. */
  readonly operator: string;
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly inputs: readonly SymbolEntry[];
}

/** One of the outputs of a node. */
export interface SymbolEntry {
  /** Index of the node: an earlier one, where this is an input. */
  readonly node: number;
  /** 0 is what an operator computes; batch norms, dropout and others have more. */
  readonly output: number;
}

export interface SymbolJson {
  readonly nodes: readonly SymbolNode[];
  /** What the symbol puts out. */
  readonly heads: readonly SymbolEntry[];
}

/** Ten times the largest of real networks. A parser makes many times as much memory of nothing but brackets. */
const LONGEST = 2 ** 23;

/** @throws BackbonesError `invalid-file` saying which node is amiss */
export function parseSymbolJson(text: string): SymbolJson {
  if (text.length > LONGEST) {
    throw invalid(
      `it has ${text.length} characters, more than any network (${LONGEST}); is this a -symbol.json?`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(`it is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(json) || !Array.isArray(json.nodes) || !Array.isArray(json.heads)) {
    throw invalid('it must be an object with "nodes" and "heads"; is this a -symbol.json?');
  }
  const nodes = json.nodes.map((node: unknown, index) => parseNode(node, index));
  const heads = json.heads.map((head: unknown) => reference(head, nodes.length, 'a head'));
  if (heads.length === 0) {
    throw invalid('it has no heads, so nothing is put out');
  }
  return { nodes, heads };
}

function parseNode(node: unknown, index: number): SymbolNode {
  const what = `node ${index}`;
  if (!isObject(node) || typeof node.op !== 'string' || typeof node.name !== 'string') {
    throw invalid(`${what} must be an object with "op" and "name"`);
  }
  if (!Array.isArray(node.inputs)) {
    throw invalid(`${what} (${node.name}) must have "inputs"`);
  }
  const attributes = new Map<string, string>();
  for (const group of [node.param, node.attr, node.attrs]) {
    if (group !== undefined && !isObject(group)) {
      throw invalid(`${what} (${node.name}): attributes must be an object`);
    }
    for (const [key, value] of Object.entries(group ?? {})) {
      attributes.set(key, String(value));
    }
  }
  return {
    operator: node.op,
    name: node.name,
    attributes,
    inputs: node.inputs.map((input: unknown) => reference(input, index, `${what} (${node.name})`)),
  };
}

/** `[node, output, version?]`, of which the node must come before a limit. */
function reference(value: unknown, limit: number, what: string): SymbolEntry {
  const [node, output] = Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof node !== 'number' || !Number.isInteger(node) || node < 0 || node >= limit) {
    throw invalid(
      `${what} refers to ${JSON.stringify(value)}; expected [node, output] with a node below ${limit}`,
    );
  }
  if (typeof output !== 'number' || !Number.isInteger(output) || output < 0) {
    throw invalid(`${what} refers to ${JSON.stringify(value)}; the output must be a number from 0 on`);
  }
  return { node, output };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): BackbonesError {
  return new BackbonesError('invalid-file', `MXNet symbol: ${message}`);
}
