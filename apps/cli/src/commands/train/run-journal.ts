/** What is written down and shown of a run while it goes on: JSON lines always, TensorBoard's file if asked for, a live line. */
import type { HeadEvent, StepEvent, TrainingEvent } from '@arcface/trainer';
import { JsonLinesLog, TensorBoardLog } from '@arcface/trainer/node';
import type { Console } from '../../cli/console.ts';

export interface RunJournalOptions {
  /** Whether files are written; otherwise things are only shown. */
  readonly writes: boolean;
  readonly console: Console;
  /** Path of the JSON lines. */
  readonly log: string;
  /** TensorBoard's folder. */
  readonly tensorboard: string | undefined;
}

/** Undecodable images that are named; the others are counted. */
const NAMED = 5;

export class RunJournal {
  readonly #console: Console;
  readonly #log: JsonLinesLog | undefined;
  readonly #tensorboard: TensorBoardLog | undefined;
  #progress: ReturnType<Console['progress']> | undefined;
  #head: HeadEvent | undefined;
  #skipped = 0;

  constructor({ console, writes, log, tensorboard }: RunJournalOptions) {
    this.#console = console;
    const onFailure = (error: Error): void =>
      console.warn(`${error.message} The run goes on without what was to be written there.`);
    this.#log = writes ? new JsonLinesLog(log, { onFailure }) : undefined;
    this.#tensorboard =
      writes && tensorboard !== undefined ? new TensorBoardLog(tensorboard, { onFailure }) : undefined;
  }

  write(event: TrainingEvent): void {
    this.#log?.append(event);
    switch (event.kind) {
      case 'started':
        if (event.resumedFrom !== undefined) this.#console.log(`going on from ${event.resumedFrom}`);
        this.#tensorboard?.begin(event.step + 1);
        this.#progress = this.#console.progress('training', {
          total: event.totalSteps,
          unit: 'steps',
          before: event.step,
        });
        break;
      case 'step':
        this.#progress?.update(event.step, { note: this.#note(event) });
        this.#tensorboard?.append(event.step, {
          loss: event.loss,
          'learning rate': event.learningRate,
          ...(Number.isFinite(event.angle) && { 'angle to target': event.angle }),
          'images per second': event.imagesPerSecond,
        });
        break;
      case 'head': {
        this.#head = event;
        const { p10, p50, p90 } = event.targetAngle;
        this.#tensorboard?.append(event.step, {
          'head/dominant share': event.dominantShare,
          'head/angle p10': p10,
          'head/angle p50': p50,
          'head/angle p90': p90,
          'head/collapsed classes': event.collapsed,
          'head/split classes': event.split,
        });
        break;
      }
      case 'evaluation':
        this.#tensorboard?.append(
          event.step,
          Object.fromEntries(
            Object.entries(event.metrics).map(([name, value]) => [`verification/${name}`, value]),
          ),
        );
        break;
      case 'undecodable':
        if (++this.#skipped <= NAMED)
          this.#console.warn(`image ${event.key} cannot be decoded and is skipped: ${event.reason}`);
        break;
      case 'damaged-checkpoint':
        this.#console.warn(`${event.reason} The one before it is used.`);
        break;
      default:
    }
  }

  /**
   * Ends the live line and waits until everything is written.
   *
   * @throws {TrainingError} `not-written` when something could not be, of which there was a warning
   */
  async close(): Promise<void> {
    this.#progress?.stop();
    if (this.#skipped > NAMED)
      this.#console.warn(`${this.#skipped} images in all cannot be decoded and were skipped`);
    await this.#log?.flush();
    await this.#tensorboard?.flush();
  }

  #note({ loss, imagesPerSecond, learningRate, angle }: StepEvent): string {
    const note = `loss ${loss.toFixed(3)}, ${imagesPerSecond.toFixed(1)} images/s, lr ${Number(learningRate.toPrecision(3))}${Number.isFinite(angle) ? `, ${angle.toFixed(1)}° to target` : ''}`;
    return this.#head ? `${note}, ${(100 * this.#head.dominantShare).toFixed(0)} % dominant` : note;
  }
}
