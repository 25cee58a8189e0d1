/** What a run reports while it goes on. Every event is plain data, fit for a log of JSON lines. */

/** The run begins, or goes on. */
export interface StartedEvent {
  readonly kind: 'started';
  /** Steps done before. */
  readonly step: number;
  readonly epoch: number;
  /** Steps of the whole run, when every image can be decoded. */
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** Name of the checkpoint that the run resumes from. */
  readonly resumedFrom?: string | undefined;
}

/** A step is done. */
export interface StepEvent {
  readonly kind: 'step';
  /** Steps done, this one included. */
  readonly step: number;
  /** The epoch that its batch belongs to, from 0. */
  readonly epoch: number;
  readonly totalSteps: number;
  /** Mean loss of the batch, before the update. */
  readonly loss: number;
  readonly learningRate: number;
  /** Share of the full margin, 0..1. */
  readonly marginShare: number;
  /** Mean angle of the images to the nearest sub-centre of their class, before the update, degrees; NaN where the loss has no classes. */
  readonly angle: number;
  /** Over the last twenty steps. */
  readonly imagesPerSecond: number;
  /** Time of the whole step, and how much of it was spent waiting for images. */
  readonly seconds: number;
  readonly waitSeconds: number;
}

/** How the images of the epoch so far lie around their sub-centres. */
export interface HeadEvent {
  readonly kind: 'head';
  readonly step: number;
  readonly epoch: number;
  /** Share of the images at the sub-centre of their class with the most images, with the second most, and so on: [K]. */
  readonly subcenterShares: readonly number[];
  /** The first of them. */
  readonly dominantShare: number;
  /** Angle to the target, degrees. */
  readonly targetAngle: { readonly p10: number; readonly p50: number; readonly p90: number };
  /** Classes that are far from all their images, and classes whose images are spread over sub-centres (see `HeadMonitor`). */
  readonly collapsed: number;
  readonly split: number;
}

/** An epoch is done. */
export interface EpochEvent {
  readonly kind: 'epoch';
  /** The epoch that has ended, from 0. */
  readonly epoch: number;
  readonly step: number;
  /** Mean over the epoch's steps since the run began or was resumed; NaN if there were none. */
  readonly loss: number;
}

/** An evaluation is done. */
export interface EvaluationEvent {
  readonly kind: 'evaluation';
  readonly step: number;
  readonly epoch: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Whether it is the best so far. */
  readonly best: boolean;
}

/** A checkpoint has been written. */
export interface CheckpointEvent {
  readonly kind: 'checkpoint';
  readonly step: number;
  readonly name: string;
}

/** A checkpoint was passed over on resuming. */
export interface DamagedCheckpointEvent {
  readonly kind: 'damaged-checkpoint';
  readonly name: string;
  readonly reason: string;
}

/** An image is skipped because it cannot be decoded; told once an image. */
export interface UndecodableEvent {
  readonly kind: 'undecodable';
  readonly key: number | string;
  readonly reason: string;
  /** How many so far. */
  readonly count: number;
}

/** The loss is not a number any more; the run ends with an error right after this. */
export interface NonFiniteLossEvent {
  readonly kind: 'non-finite-loss';
  readonly step: number;
  /** As text, since JSON has no NaN. */
  readonly loss: string;
  readonly keys: readonly (number | string)[];
}

export type TrainingEvent =
  | StartedEvent
  | StepEvent
  | HeadEvent
  | EpochEvent
  | EvaluationEvent
  | CheckpointEvent
  | DamagedCheckpointEvent
  | UndecodableEvent
  | NonFiniteLossEvent;
