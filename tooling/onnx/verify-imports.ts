/**
 * Reads ONNX files of PyTorch, finds out how they are fed, and compares their embeddings with PyTorch's own:
 *
 *   python tooling/onnx/torch_models.py FOLDER
 *   npx tsx tooling/onnx/verify-imports.ts FOLDER
 *
 * Fails when a file is fed in another way than it was made for, or when embeddings deviate by more than 1e-5 of the largest value.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatOnnxInput, inputPixels, resolveOnnxInput } from '@arcface/backbones';
import { parseOnnxModel } from 'onnx-format';
import { openSession } from '../../packages/backbones/src/testing/onnx-runtime.ts';

interface Example {
  readonly pixels: number[];
  readonly shape: [number, number, number, number];
  readonly embeddings: number[];
}

const [folder = '.'] = process.argv.slice(2);
const EXPECTED = 'layout=NCHW,channels=RGB,mean=127.5,std=127.5';

for (const file of readdirSync(folder).filter((name) => name.endsWith('.onnx'))) {
  const model = parseOnnxModel(readFileSync(join(folder, file)));
  const example = JSON.parse(readFileSync(join(folder, file.replace('.onnx', '.json')), 'utf8')) as Example;
  const [count, height, width] = example.shape;
  const pixels = Uint8Array.from(example.pixels);
  const bytes = height * width * 3;
  const input = await resolveOnnxInput({
    model,
    samples: async (images) => pixels.subarray(0, images * bytes),
    open: openSession,
  });
  const found = formatOnnxInput(input.convention);
  const session = await openSession(model);
  const step = input.batch ?? count;
  const rows: number[] = [];
  for (let start = 0; start < count; start += step) {
    const part = pixels.subarray(start * bytes, (start + step) * bytes);
    const values = inputPixels(part, height * width, input.convention, input.elementType);
    const results = await session.run(values, [step, 3, height, width]);
    rows.push(...results.get(input.output)!.data);
  }
  await session.release();
  const { embeddings } = example;
  const largest = Math.max(...embeddings.map(Math.abs));
  const deviation = Math.max(...rows.map((value, i) => Math.abs(value - embeddings[i]!))) / largest;
  const good = found === EXPECTED && deviation < 1e-5;
  console.log(
    `${good ? 'ok ' : 'BAD'} ${file.padEnd(34)} ${deviation.toExponential(1)}  ${found}${input.doubt ? `, but ${input.doubt}` : ''}; ${input.reason}`,
  );
  if (!good) process.exitCode = 1;
}
