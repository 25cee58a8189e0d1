/**
 * What a network that was trained on noisy labels tells of its own training images, kept in a file: rules can then be compared
 * in seconds, without training again.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSafetensors, serializeSafetensors, toFloat32 } from '@arcface/backbones';
import type { EpochMargins } from '@arcface/cleaner';
import type { StartName } from './results.ts';

/** Arrays over images are in data order. */
export interface TrainingEvidence {
  /** After training: [N, D]. */
  readonly embeddings: Float32Array;
  readonly dimensions: number;
  /** Sub-centres of every class: [classes K, D]. */
  readonly weights: Float32Array;
  readonly subcenters: number;
  readonly labels: Int32Array;
  /** Empty for a network that was not trained on all images. */
  readonly epochs: readonly EpochMargins[];
  /** 1 where an image does not show the person it is labelled as. */
  readonly bad: Uint8Array;
  /** Label of the person an image shows, -1 for a stranger. */
  readonly trueLabel: Int32Array;
}

/** The file of a cell's network: `k-1` and `k-3` are those trained on the noisy labels. */
export function evidencePath(
  folder: string,
  { rate, seed, start }: { readonly rate: number; readonly seed: number; readonly start: StartName },
  network: string,
): string {
  // Files of networks from scratch are named as when there were no others.
  const from = start === 'scratch' ? '' : `${start}-`;
  return join(folder, `rate-${rate}-seed-${seed}-${from}${network}.safetensors`);
}

/** Written beside its name and renamed: a file that is there is whole. */
export function writeEvidence(path: string, evidence: TrainingEvidence): void {
  const { embeddings, weights, labels, epochs, bad, trueLabel, dimensions, subcenters } = evidence;
  const row = (
    name: string,
    dtype: 'float32' | 'int32' | 'uint8',
    data: Float32Array | Int32Array | Uint8Array,
  ) => ({
    name,
    dtype,
    shape: [data.length],
    data,
  });
  const bytes = serializeSafetensors({
    tensors: [
      row('embeddings', 'float32', embeddings),
      row('weights', 'float32', weights),
      row('labels', 'int32', labels),
      row('bad', 'uint8', bad),
      row('trueLabel', 'int32', trueLabel),
      ...epochs.flatMap(({ own, other }, epoch) => [
        row(`own:${epoch}`, 'float32', Float32Array.from(own)),
        row(`other:${epoch}`, 'float32', Float32Array.from(other)),
      ]),
    ],
    metadata: {
      dimensions: String(dimensions),
      subcenters: String(subcenters),
      epochs: String(epochs.length),
    },
  });
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(`${path}.part`, bytes);
  renameSync(`${path}.part`, path);
}

/** `undefined` where the network has not been trained yet. */
export function readEvidence(path: string): TrainingEvidence | undefined {
  if (!existsSync(path)) return undefined;
  const { tensors, metadata } = parseSafetensors(readFileSync(path));
  const of = (name: string) => tensors.find((tensor) => tensor.name === name)!;
  return {
    embeddings: toFloat32(of('embeddings')),
    dimensions: Number(metadata.dimensions),
    weights: toFloat32(of('weights')),
    subcenters: Number(metadata.subcenters),
    labels: of('labels').data as Int32Array,
    bad: of('bad').data as Uint8Array,
    trueLabel: of('trueLabel').data as Int32Array,
    epochs: Array.from({ length: Number(metadata.epochs) }, (_, epoch) => ({
      own: toFloat32(of(`own:${epoch}`)),
      other: toFloat32(of(`other:${epoch}`)),
    })),
  };
}

/** The same images' unit embeddings by several networks, side by side: [N, sum of D]. */
export function sideBySide(
  networks: readonly Pick<TrainingEvidence, 'embeddings' | 'dimensions'>[],
): Pick<TrainingEvidence, 'embeddings' | 'dimensions'> {
  const dimensions = networks.reduce((sum, network) => sum + network.dimensions, 0);
  const images = networks[0]!.embeddings.length / networks[0]!.dimensions;
  const joined = new Float32Array(images * dimensions);
  let before = 0;
  for (const { embeddings, dimensions: own } of networks) {
    for (let i = 0; i < images; i++) {
      const row = embeddings.subarray(i * own, (i + 1) * own);
      const norm = Math.hypot(...row) || 1;
      joined.set(
        row.map((value) => value / norm),
        i * dimensions + before,
      );
    }
    before += own;
  }
  return { embeddings: joined, dimensions };
}
