/** Measured speeds, as `measure.ts` and `inference-speed.ts` store and `table.ts` shows them. */

export type Mode = 'forward' | 'training';

/** What computed: this project, or a peer on the same network in the same minutes. */
export type Program = 'here' | 'mxnet' | 'torch';

/** Images per second, and how they were measured. */
export interface Speed extends Readonly<Partial<Record<Program, number>>> {
  readonly batch: number;
  readonly command: string;
  /** When the last of them was measured, UTC; older ones do not say it. */
  readonly at?: string;
}

/** By name of the network. */
export type Speeds = Record<string, Partial<Readonly<Record<Mode, Speed>>>>;

/** As it is trained; folded for inference; and either of them exported and run by ONNX Runtime directly. */
export const inferenceModes = ['forward', 'folded', 'onnx', 'onnx-folded'] as const;
export type InferenceMode = (typeof inferenceModes)[number];

/** Images per second, one number a round; empty where a mode was not timed. */
export interface InferenceSpeed extends Readonly<Record<InferenceMode, readonly number[]>> {
  readonly command: string;
}

/** By name of the network. */
export type InferenceSpeeds = Readonly<Record<string, InferenceSpeed>>;
