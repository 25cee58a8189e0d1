/** `arcface align`: photos and the five points of the face in each, to a folder of aligned faces. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { FaceDataset } from '@arcface/recordio';
import { pathWithin } from '@arcface/recordio/node';
import { type Command, Option } from 'commander';
import { type AlignedPhoto, type AlignPhotoOptions, alignPhoto } from '../alignment/align-photo.ts';
import { type Landmarks, readLandmarks } from '../alignment/landmarks-file.ts';
import { writeAtomically } from '../atomic-file.ts';
import { type CommandContext, defineCommand, required, type SharedOptions } from '../cli/define-command.ts';
import { firstFew, NAMED } from '../cli/first-few.ts';
import { wholeNumber } from '../cli/option-values.ts';
import { refuseImagesAsOutput, refuseUsedFolder } from '../cli/output-folder.ts';
import { CommandError } from '../cli/usage-error.ts';
import { openData } from '../data.ts';

interface AlignCommandOptions extends SharedOptions, AlignPhotoOptions {
  readonly landmarks?: string;
  readonly output?: string;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
}

/** Fits worse than this, in pixels of a face of 112, are told: left and right confused, or another photo's points. */
const POOR_FIT = 15;
/** Keys that a list in the result has at most. */
const LISTED = 1000;
/** Photos at a time: large ones take a hundred megabytes each. */
const AT_ONCE = 2;

export function alignCommand(): Command {
  return defineCommand<AlignCommandOptions>({
    name: 'align',
    description:
      "Bring the faces of photos to the position that networks expect, 112x112 pixels with eyes, nose and mouth on ArcFace's " +
      'template, from five landmarks that a face detector of yours has found. Names of folders and files stay. Photos ' +
      'without landmarks, and files that are no images, are listed and left out.',
    example: 'arcface align photos --landmarks landmarks.jsonl --output faces',
    options: (command) =>
      command
        .argument('<data>', 'a folder of folders (identity/photo), a .lst, or a .rec')
        .option('--landmarks <file>', 'JSON lines: {"key": "anna/001.jpg", "landmarks": [[x, y], ... five]}')
        .option('--output <folder>', 'folder to be made')
        .option('--size <pixels>', 'edge of the aligned faces', wholeNumber(1, 4096), 112)
        .addOption(new Option('--format <format>', 'files to write').choices(['jpg', 'png']).default('jpg'))
        .option('--quality <n>', 'of JPEG', wholeNumber(1, 100), 95)
        .addOption(
          new Option(
            '--orientation <which>',
            'landmarks are in the photo as shown (turned by EXIF) or as stored',
          )
            .choices(['shown', 'stored'])
            .default('shown'),
        )
        .option('--resume', 'go on with an output that was interrupted: faces that are there stay')
        .option(
          '--overwrite',
          'write into a folder that has something in it, replacing files of the same names',
        ),
    run: align,
  });
}

async function align(
  options: AlignCommandOptions,
  context: CommandContext,
  [data]: readonly string[],
): Promise<void> {
  const landmarksFile = required(options.landmarks, '--landmarks');
  const output = required(options.output, '--output');
  await refuseImagesAsOutput(data!, output);
  if (!options.resume && !options.overwrite) await refuseUsedFolder(output, '--resume or --overwrite');
  const landmarks = await readLandmarks(landmarksFile);
  const dataset = await openData(data!, context);
  try {
    await alignDataset(dataset, landmarks, output, options, context);
  } finally {
    await dataset.close();
  }
}

async function alignDataset(
  dataset: FaceDataset,
  landmarks: Landmarks,
  output: string,
  options: AlignCommandOptions,
  { console, signal }: CommandContext,
): Promise<void> {
  const withoutLandmarks: string[] = [];
  const undecodable: string[] = [];
  const poorFit: string[] = [];
  let [aligned, there] = [0, 0];
  const used = new Set<string>();
  const paths = facePaths(dataset, options.format);

  const alignOne = async (position: number): Promise<void> => {
    const key = String(dataset.key(position));
    const row = landmarks.find(key);
    if (row === undefined) {
      withoutLandmarks.push(key);
      return;
    }
    used.add(row.key);
    const path = pathWithin(output, paths[position]!);
    if (options.resume && existsSync(path)) {
      there++;
      return;
    }
    const { bytes } = await dataset.read(position, { signal });
    let face: AlignedPhoto;
    try {
      face = await alignPhoto(bytes, row.points, options);
    } catch (error) {
      undecodable.push(key);
      if (undecodable.length <= NAMED) console.warn(`${key}: ${(error as Error).message.split('\n')[0]}`);
      return;
    }
    if (face.fitError > POOR_FIT) poorFit.push(key);
    await writeAtomically(path, [face.bytes]);
    aligned++;
  };

  const progress = console.progress('aligning', { total: dataset.length, unit: 'photos' });
  try {
    for (let start = 0; start < dataset.length; start += AT_ONCE) {
      signal.throwIfAborted();
      const count = Math.min(AT_ONCE, dataset.length - start);
      await Promise.all(Array.from({ length: count }, (_, i) => alignOne(start + i)));
      progress.update(start + count);
    }
  } finally {
    progress.stop();
  }

  if (aligned + there === 0) {
    throw new CommandError(
      `Not one photo was aligned: ${withoutLandmarks.length} of ${dataset.length} have no row in the landmarks ` +
        `(their keys look like ${JSON.stringify(String(dataset.key(0)))}, the rows' like ` +
        `${JSON.stringify(landmarks.first)}), ${undecodable.length} could not be used.`,
    );
  }
  const unusedRows = landmarks.size - used.size;
  if (unusedRows > 0) console.warn(`${unusedRows} rows of landmarks are of no photo here`);
  warnOf(console, withoutLandmarks, 'photos have no landmarks and are left out');
  warnOf(console, poorFit, 'faces fit the template badly; look at them (left and right confused?)');
  const json = {
    images: dataset.length,
    aligned,
    alreadyThere: there,
    withoutLandmarks: withoutLandmarks.length,
    undecodable: undecodable.length,
    poorFit: poorFit.length,
    unusedRows,
    output,
    keys: {
      withoutLandmarks: withoutLandmarks.slice(0, LISTED),
      undecodable: undecodable.slice(0, LISTED),
      poorFit: poorFit.slice(0, LISTED),
    },
  };
  console.result(json, [`${aligned + there} of ${dataset.length} photos aligned, in ${output}`]);
}

function warnOf(console: CommandContext['console'], keys: readonly string[], what: string): void {
  if (keys.length === 0) return;
  console.warn(`${keys.length} ${what}: ${firstFew(keys, String)}`);
}

/** Where each face goes: `identity/name.jpg`, the name the photo's own, or a record's key under its label. */
function facePaths(dataset: FaceDataset, format: string): string[] {
  const paths: string[] = [];
  const taken = new Set<string>();
  for (let position = 0; position < dataset.length; position++) {
    const key = dataset.key(position);
    const place =
      typeof key === 'number' ? join(String(dataset.labels[position]), String(key)) : withoutExtension(key);
    // Photos that differ in their extension only (IMG_1.jpg, IMG_1.heic) keep it in their names.
    const extension = String(key).slice(place.length + 1);
    let name = place;
    for (let i = 1; taken.has(name); i++) name = `${place}-${extension}${i === 1 ? '' : `-${i}`}`;
    taken.add(name);
    paths.push(`${name}.${format}`);
  }
  return paths;
}

function withoutExtension(path: string): string {
  return path.replace(/\.[^./\\]+$/, '');
}
