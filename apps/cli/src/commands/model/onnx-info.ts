/** What an ONNX file says of itself. */
import { byteLengthOf, type ElementType, type OnnxGraph, type OnnxTensor, type OnnxValue } from 'onnx-format';
import type { CommandContext } from '../../cli/define-command.ts';
import { readOnnxFile } from '../../onnx/onnx-file.ts';
import { counted, table } from './table.ts';

/** Types of constants that say how to compute: shapes, axes, conditions. Quantised weights are small integers. */
const NO_WEIGHTS: ReadonlySet<ElementType> = new Set<ElementType>(['int64', 'uint64', 'bool', 'string']);

export function onnxInfo(path: string, { console }: CommandContext): void {
  const {
    graph,
    metadata = new Map<string, string>(),
    opsets,
    producerName,
  } = readOnnxFile(path, { weights: false });
  const constants = new Set(graph.initializers.map(({ name }) => name));
  const inputs = graph.inputs.filter(({ name }) => !constants.has(name));
  const weights = [...graph.initializers, ...constantNodes(graph)];
  const sizes = new Map(
    weights
      .filter(({ elementType }) => !NO_WEIGHTS.has(elementType))
      .map(({ name, dims }) => [name, dims.reduce((product, size) => product * size, 1)]),
  );
  const parameters = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const bytes = weights.reduce((sum, { elementType, dims }) => sum + byteLengthOf(elementType, dims), 0);
  const layers = graph.nodes.map(({ name, opType, inputs: from, outputs }) => ({
    name: name || (outputs[0] ?? ''),
    kind: opType,
    parameters: [...new Set(from)].reduce((sum, input) => sum + (sizes.get(input) ?? 0), 0),
  }));
  console.result(
    {
      name: graph.name,
      path,
      inputs: inputs.map(valueSummary),
      outputs: graph.outputs.map(valueSummary),
      opsets: Object.fromEntries(opsets),
      producer: producerName,
      metadata: Object.fromEntries(metadata),
      parameters,
      bytes,
      layers,
    },
    [
      `${graph.name}  ${path}`,
      ...inputs.map((value) => `input   ${described(value)}`),
      ...graph.outputs.map((value) => `output  ${described(value)}`),
      `opset ${opsets.get('') ?? 'unknown'}, made by ${producerName || 'nobody knows'}`,
      ...Array.from(metadata, ([key, value]) => `${key} = ${value}`),
      `${counted(parameters)} parameters, ${graph.nodes.length} operators`,
      '',
      ...table(
        ['node', 'operator', 'parameters'],
        layers.map((layer) => [layer.name, layer.kind, String(layer.parameters)]),
      ),
    ],
  );
}

/** Some exporters write weights as nodes that hold them. */
function constantNodes({ nodes }: OnnxGraph): OnnxTensor[] {
  return nodes.flatMap(({ opType, outputs, attributes: { value } }) =>
    opType === 'Constant' && typeof value === 'object' && 'tensor' in value
      ? [{ ...value.tensor, name: outputs[0] ?? '' }]
      : [],
  );
}

function valueSummary({ name, elementType, shape }: OnnxValue) {
  return { name, elementType, shape: shape?.map((size) => size ?? null) };
}

function described({ name, elementType, shape }: OnnxValue): string {
  return `${name}: ${elementType ?? 'unknown'} [${shape?.map((size) => size ?? '?').join(', ') ?? 'any shape'}]`;
}
