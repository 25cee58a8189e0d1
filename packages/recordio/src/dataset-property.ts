/** The `property` file beside an InsightFace `.rec`: one line `classes,height,width`. */
import { RecordIOError } from './errors.ts';

/** What a `property` file says. */
export interface DatasetProperty {
  /** Number of classes: the largest label + 1. */
  readonly classes: number;
  /** Image size in pixels. */
  readonly height: number;
  readonly width: number;
}

/** @throws RecordIOError `property-syntax` unless the text is three whole numbers with commas between */
export function parseProperty(text: string): DatasetProperty {
  const match = /^\s*(\d{1,15})\s*,\s*(\d{1,15})\s*,\s*(\d{1,15})\s*$/.exec(text.length > 200 ? '' : text);
  if (match === null) {
    throw new RecordIOError(
      'property-syntax',
      `A property file must be one line "classes,height,width", found ${JSON.stringify(text.slice(0, 60))}`,
      { offset: 0 },
    );
  }
  return { classes: Number(match[1]), height: Number(match[2]), width: Number(match[3]) };
}

/** Writes a `property` file, byte for byte as the reference does. */
export function serializeProperty({ classes, height, width }: DatasetProperty): string {
  return `${classes},${height},${width}\n`;
}
