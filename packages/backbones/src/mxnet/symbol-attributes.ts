/** Attributes of a symbol's node: text such as `(3, 3)` or `True`, read as what the operator means by it. */
import { BackbonesError } from '../backbones-error.ts';
import type { Extent } from '../layers/layer.ts';
import type { SymbolNode } from './symbol-json.ts';

/** Above any real network's sizes; keeps sums and products exact. */
const LARGEST = 2 ** 31 - 1;

export class SymbolAttributes {
  readonly #node: SymbolNode;

  constructor(node: SymbolNode) {
    this.#node = node;
  }

  text(key: string, fallback?: string): string {
    const value = this.#node.attributes.get(key) ?? fallback;
    if (value === undefined) {
      throw this.fault(`it lacks the attribute ${key}`);
    }
    return value;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#node.attributes.get(key);
    if (value === undefined) {
      return fallback;
    }
    if (!/^(True|true|1|False|false|0)$/.test(value)) {
      throw this.fault(`${key} must be True or False, found ${JSON.stringify(value)}`);
    }
    return /^[Tt1]/.test(value);
  }

  number(key: string, fallback?: number): number {
    const text = this.text(key, fallback?.toString());
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value)) {
      throw this.fault(`${key} must be a number, found ${JSON.stringify(text)}`);
    }
    return value;
  }

  /** An integer of at least `minimum`. */
  integer(key: string, { minimum, fallback }: { minimum: number; fallback?: number }): number {
    const value = this.number(key, fallback);
    if (!Number.isInteger(value) || value < minimum || value > LARGEST) {
      throw this.fault(`${key} must be an integer from ${minimum} on, found ${value}`);
    }
    return value;
  }

  /** Integers in parentheses or brackets. */
  integers(key: string, { minimum, fallback }: { minimum: number; fallback?: readonly number[] }): number[] {
    const text = this.text(key, fallback && `(${fallback.join(', ')})`);
    const match = /^\s*[([]([-\d\s,L]*)[)\]]\s*$/.exec(text);
    const values = (match?.[1] ?? '?').split(',').map((part) => part.trim().replace(/L$/, ''));
    const numbers = values.filter((part, i) => part !== '' || i < values.length - 1).map(Number);
    if (numbers.some((value) => !Number.isInteger(value) || value < minimum || value > LARGEST)) {
      throw this.fault(
        `${key} must be integers from ${minimum} on in parentheses, found ${JSON.stringify(text)}`,
      );
    }
    return numbers;
  }

  /** Height and width. Empty parentheses leave them to the operator, as no attribute does. */
  extent(key: string, { minimum, fallback }: { minimum: number; fallback?: Extent }): Extent {
    const values = this.integers(key, fallback === undefined ? { minimum } : { minimum, fallback });
    if (values.length === 0 && fallback !== undefined) return fallback;
    if (values.length !== 2) {
      throw this.fault(`${key} must be two integers, found ${values.length}: only images have layers here`);
    }
    return [values[0]!, values[1]!];
  }

  /** Something that MXNet can do, but not this package. */
  unsupported(what: string, verb = 'uses'): BackbonesError {
    return new BackbonesError(
      'unsupported',
      `MXNet symbol: ${this.#what} ${verb} ${what}, which is not supported`,
    );
  }

  fault(message: string): BackbonesError {
    return new BackbonesError('invalid-file', `MXNet symbol: ${this.#what}: ${message}`);
  }

  get #what(): string {
    return `${this.#node.operator} ${JSON.stringify(this.#node.name)}`;
  }
}
