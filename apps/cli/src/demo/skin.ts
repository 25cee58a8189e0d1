/** The head itself: neck, ears, the outline of the face, light and shade on it, wrinkles and marks. */
import { Random } from '@arcface/trainer';
import { css, darker, lighter, mix } from './colour.ts';
import { type DrawPart, type FaceDrawing, SIDES } from './face-drawing.ts';
import type { FacePoint, PicturePoint } from './head-projection.ts';
import { curve, ellipse, filled, stroked } from './svg-path.ts';

/** The right half of the head seen from the front: x, y, and how far forward that part of the rim lies. */
function halfOutline({ traits }: FaceDrawing): [number, number, number][] {
  const { width, forehead, jaw, chin, length } = traits.face;
  return [
    [width * forehead * 0.55, -44, 2],
    [width * forehead * 0.9, -31, 4],
    [width * (0.4 + 0.6 * forehead), -14, 3],
    [width, 4, 0],
    [width * (0.35 + 0.65 * jaw), 20, 2],
    [width * (jaw * 0.78 + 0.06), 31, 6],
    [width * (chin * 0.75 + 0.12), length - 4.5, 12],
    [width * chin * 0.36, length - 0.6, 15],
  ];
}

/** The outline of the face in the picture, clockwise from the top. */
export function faceOutline(drawing: FaceDrawing): PicturePoint[] {
  const right = halfOutline(drawing);
  const left = right.map(([x, y, z]): [number, number, number] => [-x, y, z]).reverse();
  return [[0, -47, 3], ...right, [0, drawing.traits.face.length, 16], ...left].map((point) =>
    drawing.projection.space(point[0]!, point[1]!, point[2]!),
  );
}

/** Half the width of the head at a height, on the unturned face. */
export function halfWidthAt(drawing: FaceDrawing, y: number): number {
  const points: readonly (readonly number[])[] = [
    [0, -47],
    ...halfOutline(drawing),
    [0, drawing.traits.face.length],
  ];
  const above = points.findIndex((point) => point[1]! >= y);
  if (above <= 0) return 0;
  const [from, to] = [points[above - 1]!, points[above]!];
  return from[0]! + ((to[0]! - from[0]!) * (y - from[1]!)) / (to[1]! - from[1]!);
}

export const drawNeck: DrawPart = ({ traits, photo, projection }) => {
  const half = traits.face.width * (0.42 + 0.2 * traits.face.jaw);
  const skin = darker(traits.skin, 0.22);
  const [x] = projection.space(0, traits.face.length, -6);
  const clothes = css(photo.clothes);
  const collar = css(darker(photo.clothes, 0.25));
  const base = 104;
  return [
    filled(
      `M${x - half} 70 L${x + half} 70 L${x + half + 1} ${base} L${x + half + 8} 116 L${x - half - 8} 116 L${x - half - 1} ${base}Z`,
      css(skin),
    ),
    ellipse([x, traits.face.length + 57], [half * 1.1, 9], css(darker(skin, 0.45)), 0.4),
    filled(
      curve(
        [
          [x - 62, 118],
          [x - 50, 108],
          [x - half - 4, 103],
          [x, 113],
          [x + half + 4, 103],
          [x + 50, 108],
          [x + 62, 118],
        ],
        { closed: true },
      ),
      clothes,
    ),
    stroked(
      curve([
        [x - half - 5, 103],
        [x, 112.5],
        [x + half + 5, 103],
      ]),
      collar,
      1.6,
      0.8,
    ),
  ].join('');
};

export const drawEars: DrawPart = (drawing) => {
  const { traits, projection } = drawing;
  const { size, spread } = traits.ears;
  const skin = mix(traits.skin, [190, 70, 60], 0.08);
  return SIDES.map((side) => {
    const [x, y] = projection.space(side * (traits.face.width - 1 + spread * 0.5), traits.eyes.y + 9, -7);
    const near = 0.35 + 0.65 * projection.foreshortening(side * 20);
    const width = (2.6 + spread * 0.75) * near;
    return (
      ellipse([x, y], [width, size], css(darker(skin, 0.1))) +
      ellipse([x, y + 0.5], [width * 0.55, size * 0.62], css(darker(skin, 0.3)), 0.6)
    );
  }).join('');
};

/** The skin with everything that lies in it. Needs the gradients of {@link skinGradients}. */
export const drawSkin: DrawPart = (drawing) => {
  const outline = curve(faceOutline(drawing), { closed: true });
  return [
    `<clipPath id="face"><path d="${outline}"/></clipPath>`,
    filled(outline, css(drawing.traits.skin)),
    '<g clip-path="url(#face)">',
    drawBlush(drawing),
    drawSockets(drawing),
    drawFreckles(drawing),
    drawWrinkles(drawing),
    drawMoles(drawing),
    '</g>',
  ].join('');
};

const drawBlush: DrawPart = ({ traits, look, projection }) => {
  const strength = Math.min(0.5, traits.blush * 0.35 + look.makeUp * 0.25);
  return SIDES.map((side) => {
    const [x, y] = projection.surface([side * traits.face.width * 0.55, traits.nose.tip + 1]);
    const width = 9.5 * projection.foreshortening(side * 20);
    return `<ellipse cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" rx="${width.toFixed(1)}" ry="6.5" fill="url(#blush)" opacity="${strength.toFixed(2)}"/>`;
  }).join('');
};

/** The shade that eyes lie in. */
const drawSockets: DrawPart = ({ traits, look, projection }) =>
  SIDES.map((side) => {
    const { spacing, y, width } = traits.eyes;
    const place = projection.surface([side * spacing, y - 1.5]);
    const near = projection.foreshortening(side * spacing);
    const shade = css(darker(traits.skin, 0.38));
    const lids = look.makeUp > 0.3 ? css(look.makeUpColour) : shade;
    return (
      ellipse(place, [width * 1.35 * near, traits.eyes.height * 1.9], shade, 0.16) +
      ellipse(
        [place[0], place[1] - 1],
        [width * 1.05 * near, traits.eyes.height * 1.35],
        lids,
        0.14 + look.makeUp * 0.3,
      )
    );
  }).join('');

const drawFreckles: DrawPart = ({ traits, projection }) => {
  if (traits.freckles === 0) return '';
  // Where a person's freckles are follows from the person.
  const random = Random.of(Math.round(traits.face.width * 1e6), 'freckles');
  const colour = css(mix(darker(traits.skin, 0.4), [130, 70, 40], 0.25));
  const count = Math.round(26 * traits.freckles);
  return Array.from({ length: count }, () => {
    const x = random.uniform(-1, 1) * traits.face.width * 0.68;
    const place: FacePoint = [x, traits.nose.tip - 6 + random.uniform(-6, 7) - Math.abs(x) * 0.1];
    return ellipse(projection.surface(place), [0.75, 0.7], colour, 0.6);
  }).join('');
};

const drawMoles: DrawPart = ({ traits, projection }) =>
  traits.moles
    .map(({ x, y, radius }) =>
      ellipse(
        projection.surface([x, y]),
        [radius * projection.foreshortening(x), radius],
        css(mix(darker(traits.skin, 0.6), [60, 30, 20], 0.5)),
        0.9,
      ),
    )
    .join('');

const drawWrinkles: DrawPart = ({ traits, look, photo, projection }) => {
  const { mouth, nose, eyes } = traits;
  const colour = css(darker(traits.skin, 0.45));
  const line = (points: readonly FacePoint[], width: number, opacity: number): string =>
    opacity < 0.04 ? '' : stroked(curve(points.map(projection.surface)), colour, width, opacity);
  const smile = Math.max(0, photo.expression.smile);
  const lines: string[] = [];
  for (const side of SIDES) {
    lines.push(
      line(
        [
          [side * (nose.width + 1.2), nose.tip - 1],
          [side * (mouth.width + 3 + smile * 2), mouth.y - 5],
          [side * (mouth.width + 4 + smile), mouth.y + 3],
        ],
        1.1,
        look.age * 0.55 + smile * 0.2,
      ),
      line(
        [
          [side * (eyes.spacing - eyes.width * 0.8), eyes.y + eyes.height + 3],
          [side * eyes.spacing, eyes.y + eyes.height + 4.6],
          [side * (eyes.spacing + eyes.width * 0.9), eyes.y + eyes.height + 2.6],
        ],
        0.9,
        0.12 + look.age * 0.4,
      ),
    );
  }
  for (const height of [0, 4.6, 9]) {
    const y = eyes.y - traits.brows.gap - 8 - height;
    lines.push(
      line(
        [
          [-14, y + 1.2],
          [-5, y],
          [6, y + 0.4],
          [14, y + 1.4],
        ],
        0.9,
        (look.age - 0.25) * 0.5,
      ),
    );
  }
  return lines.join('');
};

/** Definitions that the skin and the light on the whole head refer to. */
export const skinGradients: DrawPart = ({ traits, photo }) => {
  const { x, y, strength } = photo.light;
  const lit = css(lighter(mix(traits.skin, [255, 245, 220], 0.5), 0.25));
  const blush = css(mix(traits.skin, [206, 60, 70], 0.6));
  const [focusX, focusY] = [0.5 + x * 0.38, 0.45 + y * 0.4];
  return [
    `<radialGradient id="blush"><stop offset="0" stop-color="${blush}"/><stop offset="1" stop-color="${blush}" stop-opacity="0"/></radialGradient>`,
    `<radialGradient id="shade" cx="${focusX.toFixed(2)}" cy="${focusY.toFixed(2)}" r=".85">`,
    `<stop offset="0" stop-color="${lit}" stop-opacity="${(strength * 0.42).toFixed(2)}"/>`,
    `<stop offset=".38" stop-color="${lit}" stop-opacity="0"/>`,
    `<stop offset=".5" stop-color="#0a0408" stop-opacity="0"/>`,
    `<stop offset="1" stop-color="#0a0408" stop-opacity="${(0.2 + strength * 0.6).toFixed(2)}"/>`,
    '</radialGradient>',
  ].join('');
};

/** Light and shade over the face and what is on it, under the hair. */
export const drawShading: DrawPart = (drawing) => {
  const outline = curve(faceOutline(drawing), { closed: true });
  const rim = stroked(outline, css(darker(drawing.traits.skin, 0.6)), 1.4, 0.35);
  return `<path d="${outline}" fill="url(#shade)"/>${rim}`;
};
