/** What can be chosen about a network, whatever its family. A preset is a set of defaults for these. */
import { BackbonesError } from '../backbones-error.ts';
import type { Activation } from '../graph/graph-builder.ts';
import type { OutputHead } from './output-heads.ts';

/** Choices that every family understands, all with defaults. */
export interface CommonSettings {
  /** Name of the graph. */
  readonly name: string;
  /** Height, width and channels of the images. */
  readonly inputShape: readonly [number, number, number];
  /** Length of the embeddings. */
  readonly embeddingSize: number;
  /** Factor on the number of channels inside. */
  readonly width: number;
  readonly activation: Activation;
  readonly output: OutputHead;
  /** Share dropped before the last layer, for the heads that drop. */
  readonly dropout: number;
}

/**
 * Channels of a network made wider or narrower, in steps of 16: blocked convolutions (ONNX Runtime's among them) are
 * much faster so. A width of 1 leaves every number as it is.
 */
export function scaledChannels(channels: number, width: number): number {
  checkWidth(width);
  return width === 1 ? channels : Math.max(16, 16 * Math.round((channels * width) / 16));
}

/** Channels as the reference multiplies them, rounded down to such odd numbers as 6 and 18. */
export function flooredChannels(channels: number, width: number): number {
  checkWidth(width);
  return Math.max(1, Math.floor(channels * width));
}

/** @throws BackbonesError `invalid-option` for a factor that no network can have */
export function checkWidth(width: number): void {
  if (!(width > 0 && width <= 16)) {
    throw new BackbonesError('invalid-option', `width must be above 0 and at most 16, found ${width}`);
  }
}
