import { Random } from '@arcface/trainer';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { faceSvg } from './face-svg.ts';
import { BEARD_STYLES, drawPerson, GLASSES_STYLES, HAIR_STYLES, type Look, type Person } from './person.ts';
import { drawPhoto, OCCLUSIONS, type Photo } from './photo.ts';
import { renderFace } from './render-face.ts';

const person = drawPerson(0, 'somebody');
const photo: Photo = { ...drawPhoto(Random.of(0, 'photo'), person), look: 0, occlusion: undefined, blur: 0 };

function withLook(changes: Partial<Look>): Person {
  return { ...person, looks: [{ ...person.looks[0]!, ...changes }] };
}

describe('a drawn face', () => {
  const variants: [string, Person, Photo][] = [
    ...HAIR_STYLES.map((hair): [string, Person, Photo] => [hair, withLook({ hair }), photo]),
    ...BEARD_STYLES.map((beard): [string, Person, Photo] => [beard, withLook({ beard }), photo]),
    ...GLASSES_STYLES.map((glasses): [string, Person, Photo] => [glasses, withLook({ glasses }), photo]),
    ...OCCLUSIONS.map((occlusion): [string, Person, Photo] => [
      occlusion,
      withLook({}),
      { ...photo, occlusion },
    ]),
  ];

  it.each(variants)('with %s is a drawing without a number that is none', async (_, somebody, shot) => {
    const svg = faceSvg(somebody, shot, 32);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    const { width, height } = await sharp(Buffer.from(svg)).metadata();
    expect([width, height]).toEqual([32, 32]);
  });

  it('stays a drawing at the extremes of pose', () => {
    for (const yaw of [-1.2, 0, 1.2]) {
      for (const pitch of [-0.7, 0.7]) {
        expect(faceSvg(person, { ...photo, pose: { yaw, pitch, roll: 0.5 } }, 112)).not.toMatch(/NaN/);
      }
    }
  });

  it('is a JPEG in colour of the size asked for, the same every time', async () => {
    const first = await renderFace(person, photo, { size: 48, grainSeed: 7 });
    const { format, width, height, channels } = await sharp(first).metadata();
    expect({ format, width, height, channels }).toEqual({
      format: 'jpeg',
      width: 48,
      height: 48,
      channels: 3,
    });
    expect(await renderFace(person, photo, { size: 48, grainSeed: 7 })).toEqual(first);
    expect(await renderFace(person, photo, { size: 48, grainSeed: 8 })).not.toEqual(first);
  });

  it('resembles the same person more than another one, as pixels', async () => {
    const pixels = async (somebody: Person, number: number): Promise<Uint8Array> => {
      const shot = {
        ...drawPhoto(Random.of(0, 'shot', number), somebody),
        look: 0,
        occlusion: undefined,
        grey: false,
      };
      const jpeg = await renderFace(somebody, shot, { size: 112, grainSeed: number });
      return sharp(jpeg).resize(16).raw().toBuffer();
    };
    const people = Array.from({ length: 8 }, (_, i) => drawPerson(1, `person ${i}`));
    const first = await Promise.all(people.map((somebody) => pixels(somebody, 1)));
    const second = await Promise.all(people.map((somebody) => pixels(somebody, 2)));
    const distance = (a: Uint8Array, b: Uint8Array): number =>
      a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
    let [same, other] = [0, 0];
    first.forEach((a, i) => {
      second.forEach((b, j) => {
        if (i === j) same += distance(a, b) / 8;
        else other += distance(a, b) / 56;
      });
    });
    expect(same).toBeLessThan(other);
  });
});
