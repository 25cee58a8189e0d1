/** Eyes, brows, nose and mouth. */
import { BLACK, css, darker, lighter, mix, WHITE } from './colour.ts';
import { type DrawPart, type FaceDrawing, SIDES } from './face-drawing.ts';
import type { FacePoint, PicturePoint } from './head-projection.ts';
import { curve, ellipse, filled, number, stroked } from './svg-path.ts';

export const drawEyes: DrawPart = (drawing) => SIDES.map((side) => drawEye(drawing, side)).join('');

function drawEye(drawing: FaceDrawing, side: -1 | 1): string {
  const { traits, look, photo, projection } = drawing;
  const { spacing, y, width, height, tilt, irisRadius, lid } = traits.eyes;
  const { eyes: wide, gaze, smile } = photo.expression;
  const opening = height * Math.max(0.1, wide) * (1 - lid * 0.22) * (1 - Math.max(0, smile) * 0.18);
  /** Along the eye from the inner (-1) to the outer corner (1), and above (-) or below the line between them. */
  const at = (along: number, across: number): PicturePoint =>
    projection.surface([side * (spacing + along * width), y - along * width * Math.sin(tilt) * 0.8 + across]);
  const inner = at(-1, 0.6);
  const outer = at(1, 0);
  const upper = [
    at(-0.5, -opening * 0.85),
    at(0.08, -opening * (1.12 - lid * 0.2)),
    at(0.62, -opening * 0.8),
  ];
  const lower = [at(0.55, opening * 0.55), at(0, opening * 0.82), at(-0.55, opening * 0.62)];
  const almond = curve([inner, ...upper, outer, ...lower], { closed: true });
  const near = projection.foreshortening(side * spacing);
  const [irisX, irisY] = at(side * gaze[0] * 0.55, gaze[1] * 1.6 - 0.35);
  const iris = css(traits.eyes.iris);
  const lash = css(mix(BLACK, darker(look.hairColour, 0.5), look.makeUp > 0.3 ? 0 : 0.35));
  const clip = `eye${side}`;
  const crease = [at(-0.85, -opening * 0.9 - 1), at(0, -opening * 1.3 - 2), at(0.95, -opening * 0.85 - 1.2)];
  return [
    `<clipPath id="${clip}"><path d="${almond}"/></clipPath>`,
    filled(almond, css(mix(WHITE, traits.skin, 0.1))),
    `<g clip-path="url(#${clip})">`,
    ellipse([irisX, irisY], [irisRadius * near, irisRadius], css(darker(traits.eyes.iris, 0.5))),
    ellipse([irisX, irisY], [irisRadius * near * 0.84, irisRadius * 0.84], iris),
    ellipse(
      [irisX, irisY + 0.8],
      [irisRadius * near * 0.55, irisRadius * 0.5],
      css(lighter(traits.eyes.iris, 0.35)),
      0.6,
    ),
    ellipse([irisX, irisY], [irisRadius * near * 0.45, irisRadius * 0.45], '#0b0708'),
    ellipse([irisX + photo.light.x * 1.1, irisY - 1.1], [0.75, 0.75], '#ffffff', 0.95),
    stroked(curve([inner, ...upper, outer]), '#1a0c0c', 2.6, 0.25),
    '</g>',
    stroked(
      curve([inner, ...upper, outer]),
      lash,
      1.3 + look.makeUp * 0.9 + (look.makeUp > 0.3 ? 0.3 : 0),
      0.95,
    ),
    look.makeUp > 0.3 ? stroked(curve([outer, at(1.28, -1.4)]), lash, 1.1, 0.9) : '',
    stroked(curve([outer, ...lower, inner]), css(darker(traits.skin, 0.5)), 0.7, 0.55),
    stroked(curve(crease), css(darker(traits.skin, 0.5)), 0.8, 0.35 + lid * 0.35),
  ].join('');
}

export const drawBrows: DrawPart = ({ traits, look, photo, projection }) => {
  const { gap, thickness, arch, tilt, length } = traits.brows;
  const { spacing, y: eyeY, width } = traits.eyes;
  const bald = look.hair === 'bald' ? 0.15 : 0;
  const colour = css(mix(darker(look.hairColour, 0.32), traits.skin, bald));
  return SIDES.map((side) => {
    const y = eyeY - gap - photo.expression.brows * 1.6;
    const reach = width * length;
    const at = (along: number, across: number): PicturePoint =>
      projection.surface([side * (spacing + along * reach), y - along * reach * Math.sin(tilt) + across]);
    const half = thickness / 2;
    const top = [
      at(-1, -half * 0.7),
      at(-0.3, -half - arch * 0.45),
      at(0.35, -half * 0.9 - arch * 0.8),
      at(1.1, 0.4),
    ];
    const bottom = [
      at(0.35, half * 0.6 - arch * 0.75),
      at(-0.3, half * 0.9 - arch * 0.4),
      at(-1, half * 0.9),
    ];
    return filled(curve([...top, ...bottom], { closed: true }), colour, 0.92);
  }).join('');
};

export const drawNose: DrawPart = ({ traits, photo, projection }) => {
  const { tip, width, bridge, height } = traits.nose;
  const lift = 9 * height;
  const shade = css(mix(darker(traits.skin, 0.5), [120, 40, 30], 0.15));
  const light = css(lighter(traits.skin, 0.6));
  const along = (points: readonly FacePoint[]): PicturePoint[] => points.map(projection.surface);
  const shadowSide = photo.light.x > 0 ? -1 : 1;
  const side = along([
    [shadowSide * bridge * 0.9, traits.eyes.y - 1, lift * 0.25],
    [shadowSide * bridge * 0.8, tip * 0.45, lift * 0.65],
    [shadowSide * width * 0.68, tip - 4.5, lift * 0.75],
    [shadowSide * width, tip - 0.5, lift * 0.25],
    [shadowSide * width * 0.55, tip + 1.2, lift * 0.5],
    [0, tip - 2, lift],
    [0, tip * 0.4, lift * 0.75],
  ]);
  const nostril = (sign: -1 | 1): string => {
    const place = projection.surface([sign * width * 0.48, tip + 0.5, lift * 0.55]);
    return ellipse(place, [width * 0.23 * projection.foreshortening(sign * 8), 1.15], '#2a0f0c', 0.75);
  };
  const wing = (sign: -1 | 1): string =>
    stroked(
      curve(
        along([
          [sign * width * 0.78, tip - 4.2, lift * 0.4],
          [sign * width * 1.02, tip - 1.6, lift * 0.25],
          [sign * width * 0.86, tip + 0.8, lift * 0.35],
        ]),
      ),
      shade,
      1.1,
      0.7,
    );
  const base = along([
    [-width * 0.5, tip + 1.2, lift * 0.55],
    [-width * 0.16, tip + 2.4, lift * 0.85],
    [width * 0.16, tip + 2.4, lift * 0.85],
    [width * 0.5, tip + 1.2, lift * 0.55],
  ]);
  const highlight = projection.surface([-shadowSide * bridge * 0.25, tip - 3.5, lift]);
  const ridge = along([
    [-shadowSide * bridge * 0.15, traits.eyes.y + 2, lift * 0.35],
    [-shadowSide * bridge * 0.2, tip - 6, lift * 0.9],
  ]);
  return [
    filled(curve(side, { closed: true }), shade, 0.16 + photo.light.strength * 0.24),
    stroked(curve(ridge), light, bridge * 0.7, 0.22 + photo.light.strength * 0.1),
    wing(-1),
    wing(1),
    nostril(-1),
    nostril(1),
    stroked(curve(base), shade, 1.1, 0.65),
    ellipse(highlight, [width * 0.24, width * 0.2], light, 0.45),
  ].join('');
};

export const drawMouth: DrawPart = ({ traits, look, photo, projection }) => {
  const { y, width, upper, lower, red } = traits.mouth;
  const { smile, open } = photo.expression;
  const half = width * (1 + Math.max(0, smile) * 0.22);
  const corner = -smile * 2.6;
  const gape = open * 6;
  const bare = mix(mix(traits.skin, [176, 58, 62], red), darker(traits.skin, 0.3), 0.15);
  const lips = mix(bare, look.makeUpColour, look.makeUp * 0.85);
  const at = (along: number, across: number, lift = 2): PicturePoint =>
    projection.surface([along * half, y + across, lift * (1 - along * along)]);
  const left = at(-1, corner);
  const right = at(1, corner);
  const topEdge = [
    at(-0.55, corner * 0.4 - upper * 0.75),
    at(-0.18, -upper),
    at(0, -upper * 0.72),
    at(0.18, -upper),
    at(0.55, corner * 0.4 - upper * 0.75),
  ];
  const upperLine = [at(0.5, corner * 0.25 - 0.1), at(0, 0.25 - gape * 0.12), at(-0.5, corner * 0.25 - 0.1)];
  const lowerLine = [
    at(0.5, corner * 0.25 + gape * 0.8),
    at(0, gape + 0.3),
    at(-0.5, corner * 0.25 + gape * 0.8),
  ];
  const bottomEdge = [
    at(0.55, corner * 0.35 + gape * 0.8 + lower * 0.72),
    at(0, gape + lower),
    at(-0.55, corner * 0.35 + gape * 0.8 + lower * 0.72),
  ];
  const parts: string[] = [
    filled(curve([left, ...topEdge, right, ...upperLine], { closed: true }), css(darker(lips, 0.14))),
    filled(curve([right, ...bottomEdge, left, ...lowerLine.toReversed()], { closed: true }), css(lips)),
  ];
  if (gape > 0.4) {
    const hole = curve([left, ...upperLine.toReversed(), right, ...lowerLine], { closed: true });
    const teeth = [at(-0.72, 0.2), at(0, 0.1), at(0.72, 0.2), at(0.55, gape * 0.5), at(-0.55, gape * 0.5)];
    parts.push(filled(hole, '#3a0d12'), filled(curve(teeth, { closed: true }), '#f6f1ea', 0.95));
  }
  parts.push(
    stroked(
      curve([left, ...upperLine.toReversed(), right]),
      css(mix(darker(lips, 0.65), BLACK, 0.2)),
      1.1,
      0.85,
    ),
    stroked(
      curve([at(-0.3, gape + lower * 0.5), at(0.3, gape + lower * 0.5)]),
      css(lighter(lips, 0.5)),
      1,
      0.35,
    ),
    stroked(
      curve([at(-0.42, gape + lower + 2.2), at(0, gape + lower + 3), at(0.42, gape + lower + 2.2)]),
      css(darker(traits.skin, 0.5)),
      1.1,
      0.35,
    ),
  );
  return parts.join('');
};

/** The coordinates of the eyes in the picture: where glasses go. */
export function eyeCentres({ traits, projection }: FaceDrawing): [PicturePoint, PicturePoint] {
  const { spacing, y } = traits.eyes;
  return [projection.surface([-spacing, y, 3]), projection.surface([spacing, y, 3])];
}

/** For SVG attributes. */
export function translate([x, y]: PicturePoint): string {
  return `translate(${number(x)} ${number(y)})`;
}
