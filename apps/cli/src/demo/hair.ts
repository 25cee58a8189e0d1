/** Hair on the head, in front of it and behind it, and beards. */
import { Random } from '@arcface/trainer';
import { css, darker, lighter, mix } from './colour.ts';
import { type DrawPart, type FaceDrawing, SIDES } from './face-drawing.ts';
import type { FacePoint, PicturePoint } from './head-projection.ts';
import type { HairStyle } from './person.ts';
import { faceOutline, halfWidthAt } from './skin.ts';
import { curve, ellipse, filled, number, polygon, stroked } from './svg-path.ts';

/** The hairline from the left temple to the right one, as x relative to half the forehead and y. */
type Hairline = readonly (readonly [x: number, y: number])[];

const HAIRLINES: Partial<Record<HairStyle, Hairline>> = {
  buzz: [
    [-0.98, -8],
    [-0.8, -26],
    [-0.3, -33],
    [0.3, -33],
    [0.8, -26],
    [0.98, -8],
  ],
  short: [
    [-1, -6],
    [-0.86, -24],
    [-0.35, -31],
    [0.2, -29.5],
    [0.82, -25],
    [1, -6],
  ],
  parted: [
    [-1, -4],
    [-0.9, -22],
    [-0.62, -34],
    [-0.1, -27],
    [0.75, -21],
    [1, -4],
  ],
  spiky: [
    [-1, -8],
    [-0.82, -26],
    [-0.45, -30],
    [0, -28],
    [0.45, -30],
    [0.82, -26],
    [1, -8],
  ],
  receding: [
    [-1, -4],
    [-0.86, -25],
    [-0.6, -40],
    [0, -36],
    [0.6, -40],
    [0.86, -25],
    [1, -4],
  ],
  curly: [
    [-1, -2],
    [-0.88, -20],
    [-0.4, -28],
    [0.1, -26],
    [0.6, -28],
    [0.9, -20],
    [1, -2],
  ],
  afro: [
    [-1, -4],
    [-0.86, -23],
    [-0.3, -30],
    [0.3, -30],
    [0.86, -23],
    [1, -4],
  ],
  fringe: [
    [-1, 4],
    [-0.92, -12],
    [-0.5, -15.5],
    [-0.15, -14.5],
    [0.2, -16],
    [0.6, -14.5],
    [0.92, -12],
    [1, 4],
  ],
  bob: [
    [-1.02, 10],
    [-0.9, -14],
    [-0.55, -26],
    [-0.2, -33],
    [0.5, -25],
    [0.9, -12],
    [1.02, 10],
  ],
  long: [
    [-1.04, 12],
    [-0.94, -12],
    [-0.6, -28],
    [0, -36],
    [0.6, -28],
    [0.94, -12],
    [1.04, 12],
  ],
  bun: [
    [-1, -3],
    [-0.86, -24],
    [-0.4, -32],
    [0, -34],
    [0.4, -32],
    [0.86, -24],
    [1, -3],
  ],
  tails: [
    [-1, -2],
    [-0.88, -20],
    [-0.5, -30],
    [-0.02, -37],
    [0.5, -30],
    [0.88, -20],
    [1, -2],
  ],
};

/** What hangs or stands behind the head. */
export const drawBackHair: DrawPart = (drawing) => {
  const { traits, look, projection } = drawing;
  const colour = css(darker(look.hairColour, 0.3));
  const width = traits.face.width;
  const centre = projection.space(0, -12, -14);
  const around = (points: readonly (readonly [number, number])[]): string =>
    curve(
      points.map(([x, y]) => projection.space(x * width, y, -12)),
      { closed: true },
    );
  switch (look.hair) {
    case 'afro':
      return (
        ellipse([centre[0], centre[1] - 6], [width * 1.32, 43 + look.hairVolume], colour) +
        tufts(drawing, [width * 1.3, 41 + look.hairVolume], 5, colour)
      );
    case 'curly':
      return tufts(drawing, [width * 1.04, 40 + look.hairVolume], 7, colour);
    case 'long':
      return filled(
        around([
          [0, -50],
          [0.95, -36],
          [1.2, 0],
          [1.25, 40],
          [1.32, 66],
          [-1.32, 66],
          [-1.25, 40],
          [-1.2, 0],
          [-0.95, -36],
        ]),
        colour,
      );
    case 'bob':
    case 'fringe':
      return filled(
        around([
          [0, -50],
          [0.95, -38],
          [1.22, -4],
          [1.28, 26],
          [1.02, 37],
          [-1.02, 37],
          [-1.28, 26],
          [-1.22, -4],
          [-0.95, -38],
        ]),
        colour,
      );
    case 'bun': {
      const top = projection.space(0, -52 - look.hairVolume, -8);
      return (
        ellipse(top, [12, 10.5], css(look.hairColour)) +
        stroked(
          curve([
            [top[0] - 8, top[1]],
            [top[0], top[1] - 5],
            [top[0] + 8, top[1]],
          ]),
          colour,
          1,
          0.5,
        )
      );
    }
    case 'tails':
      return SIDES.map((side) => {
        const points: (readonly [number, number])[] = [
          [side * 0.8, -24],
          [side * 1.35, -18],
          [side * 1.5, 16],
          [side * 1.3, 48],
          [side * 1.1, 16],
        ];
        return filled(around(points), colour);
      }).join('');
    default:
      return '';
  }
};

/** Curls along the rim of the hair. Where they are follows from the person. */
function tufts(
  drawing: FaceDrawing,
  [radiusX, radiusY]: readonly [number, number],
  size: number,
  colour: string,
): string {
  const random = Random.of(Math.round(drawing.traits.face.width * 1e6), 'curls');
  const [x, y] = drawing.projection.space(0, -12, -4);
  let path = '';
  for (let i = 0; i < 17; i++) {
    const angle = Math.PI * (0.94 + (1.12 * i) / 16);
    const radius = size * random.uniform(0.8, 1.3);
    const [left, top] = [x + Math.cos(angle) * radiusX - radius, y + Math.sin(angle) * radiusY];
    path += circle(left, top, radius);
  }
  return filled(path, colour);
}

function circle(left: number, y: number, radius: number): string {
  const [r, d] = [number(radius), number(2 * radius)];
  return `M${number(left)} ${number(y)}a${r} ${r} 0 1 0 ${d} 0a${r} ${r} 0 1 0 -${d} 0Z`;
}

/** What lies on the skull and the forehead. */
export const drawHair: DrawPart = (drawing) => {
  const { traits, look, projection } = drawing;
  const hairline = HAIRLINES[look.hair];
  if (!hairline) return drawShine(drawing);
  const width = traits.face.width;
  const volume = look.hair === 'buzz' ? 0.8 : look.hairVolume + (look.hair === 'curly' ? 3 : 0);
  const crown: FacePoint[] = [
    [width + 1 + volume * 0.25, -4],
    [width * 1.0 + volume * 0.5, -22],
    [width * 0.86 + volume * 0.5, -36 - volume * 0.4],
    [width * 0.5, -46.5 - volume * 0.9],
    [0, -49 - volume],
    [-width * 0.5, -46.5 - volume * 0.9],
    [-width * 0.86 - volume * 0.5, -36 - volume * 0.4],
    [-width * 1.0 - volume * 0.5, -22],
    [-width - 1 - volume * 0.25, -4],
  ];
  const line = look.parting < 0 ? hairline : hairline.map(([x, y]) => [-x, y] as const).toReversed();
  // The hairline lies on the surface, nearer to the rim the further it is to the side.
  const front = line.map(([x, y]): PicturePoint => {
    const half = Math.max(halfWidthAt(drawing, y), width * 0.6);
    return Math.abs(x) >= 0.97
      ? projection.space(x * (half + 0.6), y, 3)
      : projection.surface([x * half * 0.97, y, 1.5]);
  });
  const rim =
    look.hair === 'spiky' ? spikes(drawing, crown) : crown.map(([x, y]) => projection.space(x, y, 0));
  const shape =
    look.hair === 'spiky' ? polygon([...rim, ...front]) : curve([...rim, ...front], { closed: true });
  const colour = css(look.hairColour);
  const opacity = look.hair === 'buzz' ? 0.72 : 1;
  return [
    filled(shape, colour, opacity),
    look.hair === 'curly'
      ? tufts(drawing, [width * 0.97 + volume * 0.3, 34 + volume * 0.6], 5.5, colour)
      : '',
    look.hair === 'buzz' || look.hair === 'spiky' ? '' : strands(drawing, front),
    stroked(curve(front), css(darker(look.hairColour, 0.5)), 1.2, look.hair === 'buzz' ? 0.12 : 0.45),
    look.hair === 'long' || look.hair === 'bob' || look.hair === 'fringe' ? curtains(drawing) : '',
  ].join('');
};

function spikes({ projection }: FaceDrawing, crown: readonly FacePoint[]): PicturePoint[] {
  return crown.flatMap(([x, y], i): PicturePoint[] => {
    const next = crown[i + 1];
    const here = projection.space(x, y, 0);
    if (!next) return [here];
    const middle: FacePoint = [((x + next[0]) / 2) * 1.16, ((y + next[1]) / 2) * 1.1 - 4];
    return [here, projection.space(middle[0], middle[1], 4)];
  });
}

/** Lighter and darker lines from the crown to the hairline. */
function strands({ look, projection }: FaceDrawing, front: readonly PicturePoint[]): string {
  const crown = projection.space(look.parting * 10, -46 - look.hairVolume, 6);
  return front
    .slice(1, -1)
    .map(([x, y], i) => {
      const colour =
        i % 2 === 0
          ? lighter(mix(look.hairColour, [255, 220, 170], 0.2), 0.18)
          : darker(look.hairColour, 0.35);
      const middle: PicturePoint = [(crown[0] + 2.2 * x) / 3.2, (crown[1] + y) / 2 - 2.5];
      return stroked(curve([crown, middle, [x, y]]), css(colour), 1.3, 0.5);
    })
    .join('');
}

/** Hair that falls in front of the ears. */
function curtains({ traits, look, projection }: FaceDrawing): string {
  const bottom = look.hair === 'long' ? 60 : 30;
  const width = traits.face.width;
  return SIDES.map((side) => {
    const points: PicturePoint[] = [
      projection.space(side * width * 0.9, -26, 6),
      projection.space(side * width * 1.13, -10, 0),
      projection.space(side * width * 1.2, bottom * 0.5, -2),
      projection.space(side * width * 1.14, bottom, 0),
      projection.space(side * width * 0.96, bottom * 0.9, 2),
      projection.space(side * width * 0.98, bottom * 0.4, 2),
      projection.space(side * width * 0.97, 2, 3),
      projection.space(side * width * 0.86, -14, 8),
    ];
    const line = [points[0]!, points[6]!, points[5]!, points[4]!];
    return (
      filled(curve(points, { closed: true }), css(mix(look.hairColour, [0, 0, 0], 0.08))) +
      stroked(curve(line), css(darker(look.hairColour, 0.5)), 1, 0.4)
    );
  }).join('');
}

const drawShine: DrawPart = ({ traits, photo, projection }) => {
  const place = projection.surface([photo.light.x * 12, -36]);
  return ellipse(place, [9, 4.5], css(lighter(traits.skin, 0.7)), 0.3 + photo.light.strength * 0.2);
};

/** Beards are clipped by the outline of the face (`#face`), which the skin defines. */
export const drawBeard: DrawPart = (drawing) => {
  const { traits, look, projection } = drawing;
  if (look.beard === 'none') return '';
  const { mouth, nose, face } = traits;
  const colour = css(darker(look.hairColour, 0.15));
  const at = (points: readonly FacePoint[]): PicturePoint[] => points.map(projection.surface);
  const moustache = curve(
    at([
      [-mouth.width - 1.5, mouth.y + 1],
      [-mouth.width * 0.6, mouth.y - mouth.upper - 2.8],
      [0, Math.min(nose.tip + 4.5, mouth.y - mouth.upper - 2)],
      [mouth.width * 0.6, mouth.y - mouth.upper - 2.8],
      [mouth.width + 1.5, mouth.y + 1],
      [mouth.width * 0.5, mouth.y - mouth.upper + 0.4],
      [0, mouth.y - mouth.upper + 1],
      [-mouth.width * 0.5, mouth.y - mouth.upper + 0.4],
    ]),
    { closed: true },
  );
  const below = mouth.y + mouth.lower;
  const chin = curve(
    at([
      [-mouth.width * 0.55, below + 2.5],
      [0, below + 1.8],
      [mouth.width * 0.55, below + 2.5],
      [mouth.width * 0.75, below + 9],
      [0, face.length + 5],
      [-mouth.width * 0.75, below + 9],
    ]),
    { closed: true },
  );
  const jaw = curve(
    [
      ...at([
        [-face.width * 0.98, 4],
        [-face.width * 0.82, 16],
        [-mouth.width - 6, mouth.y - 5],
        [-mouth.width - 2, mouth.y + 2],
        [-mouth.width * 0.5, below + 2],
        [0, below + 1.6],
        [mouth.width * 0.5, below + 2],
        [mouth.width + 2, mouth.y + 2],
        [mouth.width + 6, mouth.y - 5],
        [face.width * 0.82, 16],
        [face.width * 0.98, 4],
      ]),
      projection.space(face.width * 1.2, 30, 0),
      projection.space(0, face.length + 12, 12),
      projection.space(-face.width * 1.2, 30, 0),
    ],
    { closed: true },
  );
  const clipped = (inner: string): string => `<g clip-path="url(#face)">${inner}</g>`;
  switch (look.beard) {
    case 'stubble':
      return clipped(filled(jaw, colour, 0.28) + filled(moustache, colour, 0.24));
    case 'moustache':
      return filled(moustache, colour, 0.95);
    case 'goatee':
      return clipped(filled(moustache, colour, 0.9) + filled(chin, colour, 0.92));
    case 'full':
      return (
        clipped(filled(jaw, colour, 0.94) + filled(moustache, colour, 0.95)) +
        stroked(curve(faceOutline(drawing).slice(5, 14)), colour, 2.4, 0.9)
      );
  }
};
