/** Measured speeds, as `measure.ts` stores and `table.ts` shows them. */

export type Mode = 'forward' | 'training';

/** What computed: this project, or a peer on the same network in the same minutes. */
export type Program = 'here' | 'mxnet' | 'torch';

/** Images per second, and how they were measured. */
export interface Speed extends Readonly<Partial<Record<Program, number>>> {
  readonly batch: number;
  readonly command: string;
}

/** By name of the network. */
export type Speeds = Record<string, Partial<Readonly<Record<Mode, Speed>>>>;
