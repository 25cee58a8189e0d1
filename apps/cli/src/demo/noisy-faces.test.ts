import { describe, expect, it } from 'vitest';
import { planHeldOut, planNoisyFaces } from './noisy-faces.ts';

const options = {
  seed: 3,
  identities: 30,
  imagesPerIdentity: 20,
  noise: 0.4,
  heldOutPeople: 20,
  heldOutImages: 3,
};

describe('the noisy dataset', () => {
  const plan = planNoisyFaces(options);
  const bad = plan.filter(({ label, trueLabel }) => label !== trueLabel);

  it('has the share of wrong labels asked for, half of them outsiders', () => {
    expect(plan).toHaveLength(600);
    expect(bad).toHaveLength(240);
    expect(bad.filter(({ trueLabel }) => trueLabel === -1)).toHaveLength(120);
  });

  it('says who is really to be seen', () => {
    for (const { person, trueLabel } of plan) {
      expect(person.id).toMatch(trueLabel === -1 ? /^outsider/ : new RegExp(`^identity ${trueLabel}$`));
    }
  });

  it('never shows an outsider twice, and is in the order of labels', () => {
    const outsiders = bad.filter(({ trueLabel }) => trueLabel === -1).map(({ person }) => person.id);
    expect(new Set(outsiders).size).toBe(outsiders.length);
    const labels = plan.map(({ label }) => label);
    expect(labels).toEqual(labels.toSorted((a, b) => a - b));
  });

  it('is the same for the same seed, and another one for another', () => {
    expect(planNoisyFaces(options)).toEqual(plan);
    expect(planNoisyFaces({ ...options, seed: 4 })).not.toEqual(plan);
  });

  it('gives every look of a person its share', () => {
    const many = planNoisyFaces({ ...options, identities: 100, noise: 0 });
    const counts = [0, 0, 0];
    for (const { photo } of many) counts[photo.look]!++;
    many[0]!.person.looks.forEach(({ share }, look) => {
      expect(counts[look]! / many.length).toBeCloseTo(share, 1);
    });
  });
});

describe('the pairs to verify with', () => {
  const { images, pairs } = planHeldOut(options);

  it('are as many of one person as of two, in every fold, and folds share nobody', () => {
    const perFold = pairs.length / 10;
    const seen = new Map<string, number>();
    for (let fold = 0; fold < 10; fold++) {
      const part = pairs.slice(fold * perFold, (fold + 1) * perFold);
      expect(part.filter(({ same }) => same)).toHaveLength(perFold / 2);
      for (const { first, second } of part) {
        for (const image of [first, second]) {
          expect(seen.get(images[image]!.name) ?? fold).toBe(fold);
          seen.set(images[image]!.name, fold);
        }
      }
    }
  });

  it('say truly whether both images show one person', () => {
    for (const { first, second, same } of pairs) {
      expect(images[first]!.person.id === images[second]!.person.id).toBe(same);
      expect(first).not.toBe(second);
    }
  });

  it('show nobody of the dataset', () => {
    const trained = new Set(planNoisyFaces(options).map(({ person }) => person.id));
    expect(images.some(({ person }) => trained.has(person.id))).toBe(false);
  });
});
