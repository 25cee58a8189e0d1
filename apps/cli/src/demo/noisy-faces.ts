/**
 * The demo's dataset as a list, before anything is drawn: which person every image shows, in which photo, under which
 * label. 40 % of the labels are wrong by default, half of them because the image shows somebody of another identity, half
 * because it shows an outsider. The truth is known because it was decided here.
 */
import { injectNoise } from '@arcface/cleaner';
import { Random } from '@arcface/trainer';
import { drawPerson, type Person } from './person.ts';
import { drawPhoto, type Photo } from './photo.ts';

export interface DemoDatasetOptions {
  readonly seed: number;
  /** Default 100. */
  readonly identities?: number;
  /** Images of each identity before labels are spoiled. Default 30. */
  readonly imagesPerIdentity?: number;
  /** Share of wrong labels. Default .4. */
  readonly noise?: number;
  /** People to verify with; none of them is in the dataset. A multiple of 10. Default 120. */
  readonly heldOutPeople?: number;
  /** Images of each of them. Default 6. */
  readonly heldOutImages?: number;
}

/** A picture that is to be drawn. */
export interface PlannedImage {
  readonly person: Person;
  readonly photo: Photo;
  readonly grainSeed: number;
}

/** A picture of the dataset, with what is said and what is true of it. */
export interface LabelledPlan extends PlannedImage {
  readonly label: number;
  /** -1 for an outsider. */
  readonly trueLabel: number;
}

/** Images in data order: by label, then at random. */
export function planNoisyFaces(options: DemoDatasetOptions): LabelledPlan[] {
  const { seed, identities = 100, imagesPerIdentity = 30, noise = 0.4 } = options;
  const people = Array.from({ length: identities }, (_, i) => drawPerson(seed, `identity ${i}`));
  const clean = Int32Array.from({ length: identities * imagesPerIdentity }, (_, i) =>
    Math.floor(i / imagesPerIdentity),
  );
  const outsiders = Math.ceil((clean.length * noise) / 2);
  const noisy = injectNoise(clean, { kind: 'mixed', rate: noise, seed, outsiders });
  const plans = Array.from(noisy.label, (label, i): LabelledPlan => {
    const stranger = noisy.outsider[i]!;
    const image = noisy.image[i]!;
    const person = stranger >= 0 ? drawPerson(seed, `outsider ${stranger}`) : people[clean[image]!]!;
    return { ...planImage(seed, person, image), label, trueLabel: noisy.trueLabel[i]! };
  });
  const random = Random.of(seed, 'order');
  return plans
    .map((plan) => ({ plan, place: plan.label + random.float() }))
    .sort((a, b) => a.place - b.place)
    .map(({ plan }) => plan);
}

function planImage(seed: number, person: Person, number: number): PlannedImage {
  const random = Random.of(seed, 'photo', person.id, number);
  return { person, photo: drawPhoto(random, person), grainSeed: random.uint32() };
}

/** Two images of people who are not in the dataset. Numbers are indices of the list of images. */
export interface HeldOutPair {
  readonly first: number;
  readonly second: number;
  readonly same: boolean;
}

export interface HeldOutPlan {
  /** By person, as many of each. */
  readonly images: readonly (PlannedImage & { readonly name: string; readonly number: number })[];
  /** In ten folds of the same size; no person is in two of them. */
  readonly pairs: readonly HeldOutPair[];
}

const FOLDS = 10;

/** Pairs as LFW has them: in every fold as many of one person as of two. */
export function planHeldOut(options: DemoDatasetOptions): HeldOutPlan {
  const { seed, heldOutPeople = 120, heldOutImages = 6 } = options;
  const images = Array.from({ length: heldOutPeople * heldOutImages }, (_, i) => {
    const who = Math.floor(i / heldOutImages);
    const number = i % heldOutImages;
    const person = drawPerson(seed, `held out ${who}`);
    return {
      ...planImage(seed, person, number),
      name: `Person_${String(who).padStart(3, '0')}`,
      number: number + 1,
    };
  });
  const random = Random.of(seed, 'pairs');
  const perFold = Math.floor(heldOutPeople / FOLDS);
  const pairs: HeldOutPair[] = [];
  for (let fold = 0; fold < FOLDS; fold++) {
    const [same, different]: [HeldOutPair[], HeldOutPair[]] = [[], []];
    for (let who = 0; who < perFold; who++) {
      const own = (fold * perFold + who) * heldOutImages;
      for (let a = 0; a < heldOutImages; a++) {
        for (let b = a + 1; b < heldOutImages; b++) {
          same.push({ first: own + a, second: own + b, same: true });
          const other = (who + 1 + random.integer(perFold - 1)) % perFold;
          const theirs = (fold * perFold + other) * heldOutImages + random.integer(heldOutImages);
          different.push({ first: own + a, second: theirs, same: false });
        }
      }
    }
    pairs.push(...same, ...different);
  }
  return { images, pairs };
}
