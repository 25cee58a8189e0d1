/**
 * Labeled Faces in the Wild, aligned to 112x112: a folder per person, and the official list of verification pairs.
 * The archive is not part of this repository (the faces are not ours to publish); it lies in `../shared/data` where
 * there is one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lfwImageName, type PairImage, parsePairs } from '@arcface/trainer';

const DATA = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const ARCHIVE = join(DATA, 'lfw112.tar.gz');
const PAIRS = join(DATA, 'lfw/pairs.txt');

/** A real MXNet checkpoint of MobileFaceNet, as `PREFIX,EPOCH`. */
export const PRETRAINED = `${join(DATA, 'mobilefacenet-y1/model')},0`;

/** Another network of the same size, as somebody would bring it. */
export const ONNX_MODEL = join(DATA, 'onnx/MobileFaceNet.onnx');

/** Images that the dataset's own errata call mislabelled, among people with ten images or more. */
const ERRATA = new Set([
  'Michael_Schumacher/Michael_Schumacher_0008.jpg',
  'Recep_Tayyip_Erdogan/Recep_Tayyip_Erdogan_0004.jpg',
  'Mahmoud_Abbas/Mahmoud_Abbas_0012.jpg',
]);

/** A pair of images for verification, as paths `person/file.jpg`. */
export interface LfwPair {
  readonly first: string;
  readonly second: string;
  readonly same: boolean;
  /** Of the official ten, 0..9; no person is in two of them. */
  readonly fold: number;
}

/** LFW on disk. */
export interface Lfw {
  readonly directory: string;
  /** Images by person, both sorted; the errata left out. */
  readonly people: ReadonlyMap<string, readonly string[]>;
  readonly pairs: readonly LfwPair[];
}

/** Unpacks LFW once into the system's temporary folder. `undefined` where the archive is not there. */
export function openLfw(): Lfw | undefined {
  if (!existsSync(ARCHIVE) || !existsSync(PAIRS)) return undefined;
  const directory = join(tmpdir(), 'arcface-lfw112');
  if (!existsSync(directory)) {
    mkdirSync(tmpdir(), { recursive: true });
    const unpacking = mkdtempSync(`${directory}-`);
    execFileSync('tar', ['-xzf', ARCHIVE, '--strip-components=1', '-C', unpacking]);
    renameSync(unpacking, directory);
  }
  const people = new Map<string, string[]>();
  for (const person of readdirSync(directory).sort()) {
    const images = readdirSync(join(directory, person)).map((file) => `${person}/${file}`);
    people.set(person, images.filter((image) => !ERRATA.has(image)).sort());
  }
  return { directory, people, pairs: officialPairs(readFileSync(PAIRS, 'utf8')) };
}

function officialPairs(text: string): LfwPair[] {
  const image = (face: PairImage) => `${face.name}/${lfwImageName(face)}.jpg`;
  const { folds, pairs } = parsePairs(text);
  return pairs.map(({ first, second, same }, i) => ({
    first: image(first),
    second: image(second),
    same,
    fold: Math.floor((i * folds) / pairs.length),
  }));
}
