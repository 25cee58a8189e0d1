/** Rule and decisions, done: a new dataset, byte for byte the one that `arcface drop --audit --decisions` writes. */
import { auditFromColumns, decide, outputNames } from '@arcface/cleaner';
import {
  type FaceRecordsSummary,
  type LabelledImage,
  parseProperty,
  type RecordLayout,
  serializeIdentityNames,
  writeFaceRecords,
} from '@arcface/recordio';
import { personalDecisions } from '../decisions/decision-book.ts';
import type { Session } from '../session/session.ts';

export interface WriteCleanedOptions {
  readonly layout: RecordLayout;
  readonly records: WritableStream<Uint8Array>;
  readonly index: WritableStream<Uint8Array>;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface CleanedDataset extends FaceRecordsSummary {
  /** Text of `identities.json`; undefined where identities have no names. */
  readonly names: string | undefined;
}

/**
 * Writes the images that stay.
 *
 * @throws What is wrong with the files, or that no image would be left; the streams are aborted then.
 */
export async function writeCleaned(session: Session, options: WriteCleanedOptions): Promise<CleanedDataset> {
  const { layout, records, index, signal, onProgress } = options;
  const dataset = await session.faces!.openDataset();
  try {
    const { audit, positions } = auditFromColumns(session.columns, dataset);
    const decision = decide(audit, session.rule.value, {
      layout,
      decisions: personalDecisions(session.columns, session.book),
    });
    if (decision.kept === 0) throw new Error('No image would be left: choose a larger angle, or keep some.');
    const { property } = session.faces!;
    const summary = await writeFaceRecords({
      images: inOrder(decision.order, async (image) => {
        const { bytes } = await dataset.read(positions[image]!, { signal });
        return { label: decision.newLabels[image]!, bytes };
      }),
      records,
      index,
      layout,
      signal,
      property: property === undefined ? undefined : parseProperty(property),
      onProgress: (done) => onProgress(done, decision.kept),
    });
    const names = outputNames(audit, decision);
    const named = dataset.identities.some(({ name }) => name !== undefined);
    return { ...summary, names: named ? serializeIdentityNames(names) : undefined };
  } catch (error) {
    await Promise.all([records, index].map((stream) => stream.abort(error).catch(() => {})));
    throw error;
  } finally {
    await dataset.close();
  }
}

/** Images that are read while one is written. What lies close together over HTTP is then fetched at once. */
const AHEAD = 64;

async function* inOrder(
  images: Iterable<number>,
  read: (image: number) => Promise<LabelledImage>,
): AsyncGenerator<LabelledImage> {
  const pending: Promise<LabelledImage>[] = [];
  for (const image of images) {
    const reading = read(image);
    // Whoever waits for it hears of it.
    reading.catch(() => {});
    pending.push(reading);
    if (pending.length > AHEAD) yield await pending.shift()!;
  }
  for (const reading of pending) yield await reading;
}
