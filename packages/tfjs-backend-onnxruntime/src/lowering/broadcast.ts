// Elementwise work in whatever layout its operands already have. One operand: the result keeps the layout. Several:
// the layout of the operand that has the full shape, into which the smaller ones (scalars, one number per
// channel, one per image and channel) are brought; so arithmetic between two convolutions costs no reorder.

import { type Shape, sameShape, sizeOf, type TraceNode, type TraceValue } from '../trace/trace-graph.ts';
import type { Layout, Lowering } from './lowering.ts';

/** Lowers a node that maps each element of its first input. */
export function lowerUnary(node: TraceNode, lowering: Lowering, write: (x: string) => string): void {
  const x = node.inputs[0]!;
  const layout = lowering.primary(x);
  lowering.define(node.outputs[0]!, layout, write(lowering.in(layout, x)));
}

/** An operand after what is known about it was used: a value, or a number known from the graph alone. */
type Operand = TraceValue | { readonly constant: number; readonly like: TraceValue };

/** Lowers a node that broadcasts its inputs against each other, as numpy does. */
export function lowerBroadcast(
  node: TraceNode,
  lowering: Lowering,
  write: (operands: readonly string[]) => string,
): void {
  const output = node.outputs[0]!;
  const operands = simplify(node, lowering);
  const layout = commonLayout(operands, output.shape, lowering);
  if (layout === 'blocked') lowerBlocked(operands, output, lowering, write);
  else
    lowering.define(output, layout, write(operands.map((x) => operandIn(layout, x, output.shape, lowering))));
}

/** Takes the small original of a broadcast, or a constant, where another operand has the full shape anyway. */
export function simplify(node: TraceNode, lowering: Lowering): Operand[] {
  const shape = node.outputs[0]!.shape;
  return node.inputs.map((input, index) => {
    const covered = node.inputs.some(
      (other, i) => i !== index && other !== input && isFull(other, shape, lowering),
    );
    if (!covered) return input;
    const uniform = lowering.uniform(input);
    if (uniform !== undefined) return { constant: uniform, like: input };
    return lowering.broadcastOf(input) ?? input;
  });
}

function isFull(value: TraceValue, shape: Shape, lowering: Lowering): boolean {
  return (
    sameShape(value.shape, shape) &&
    lowering.broadcastOf(value) === undefined &&
    lowering.uniform(value) === undefined
  );
}

function commonLayout(operands: readonly Operand[], shape: Shape, lowering: Lowering): Layout {
  if (shape.length !== 4) return 'last';
  let layout: Layout = 'last';
  for (const operand of operands) {
    if ('constant' in operand || !sameShape(operand.shape, shape)) continue;
    const primary = lowering.primary(operand);
    if (primary === 'blocked') layout = 'blocked';
    else if (primary === 'first' && layout === 'last') layout = 'first';
  }
  if (layout === 'blocked' && !operands.every((x) => 'constant' in x || fitsBlocks(x, shape))) return 'first';
  return layout;
}

/** Full shape, one element, or all channels of one pixel per image (or of all images). */
function fitsBlocks({ shape }: TraceValue, full: Shape): boolean {
  if (sameShape(shape, full) || sizeOf(shape) === 1) return true;
  const [n, h, w, c] = padRank(shape);
  return c === full[3] && h === 1 && w === 1 && (n === 1 || n === full[0]);
}

function padRank(shape: Shape): readonly [number, number, number, number] {
  return [...new Array<number>(4 - shape.length).fill(1), ...shape] as unknown as [
    number,
    number,
    number,
    number,
  ];
}

function operandIn(layout: Layout, operand: Operand, full: Shape, lowering: Lowering): string {
  if ('constant' in operand) return lowering.scalar(operand.constant, operand.like.dtype);
  if (layout === 'last' || sameShape(operand.shape, full)) return lowering.in(layout, operand);
  if (sizeOf(operand.shape) === 1) return lowering.reshape(lowering.last(operand), []);
  const [n, h, w, c] = padRank(operand.shape);
  if (h === 1 && w === 1) return lowering.reshape(lowering.last(operand), [n, c, 1, 1]);
  if (operand.shape.length === 4) return lowering.first(operand);
  return lowering.transpose(lowering.reshape(lowering.last(operand), [n, h, w, c]), [0, 3, 1, 2]);
}

function lowerBlocked(
  operands: readonly Operand[],
  output: TraceValue,
  lowering: Lowering,
  write: (operands: readonly string[]) => string,
): void {
  const [n, h, w, c] = output.shape as readonly [number, number, number, number];
  const block = lowering.blockSize;
  const perChannel = operands.some(
    (x) => !('constant' in x) && !sameShape(x.shape, output.shape) && sizeOf(x.shape) > 1,
  );
  // One number per channel is broadcast over [N, C/b, H, W, b]; without such an operand the layout does not matter.
  const names = operands.map((operand) => {
    if ('constant' in operand) return lowering.scalar(operand.constant, operand.like.dtype);
    if (sameShape(operand.shape, output.shape)) {
      const blocked = lowering.blocked(operand);
      return perChannel ? lowering.reshape(blocked, [n, c / block, h, w, block]) : blocked;
    }
    if (sizeOf(operand.shape) === 1) return lowering.reshape(lowering.last(operand), []);
    return lowering.reshape(lowering.last(operand), [padRank(operand.shape)[0], c / block, 1, 1, block]);
  });
  const result = write(names);
  lowering.define(output, 'blocked', perChannel ? lowering.reshape(result, [n, c, h, w]) : result);
}
