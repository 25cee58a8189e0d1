/** What a face wears and what hides it: glasses, a cap, a mask, a hand. */
import { css, darker, lighter } from './colour.ts';
import { type DrawPart, type FaceDrawing, SIDES } from './face-drawing.ts';
import { eyeCentres } from './face-features.ts';
import type { FacePoint, PicturePoint } from './head-projection.ts';
import { curve, ellipse, filled, number, stroked } from './svg-path.ts';

export const drawGlasses: DrawPart = (drawing) => {
  const { look } = drawing;
  if (look.glasses === 'none' || drawing.photo.occlusion === 'sunglasses') return '';
  const colour = css(look.glassesColour);
  return (
    lenses(drawing, look.glasses, `fill="#dfeaf5" fill-opacity=".13" stroke="${colour}" stroke-width="1.7"`) +
    frame(drawing, colour, 1.6)
  );
};

function lenses(drawing: FaceDrawing, style: 'round' | 'square' | 'half', paint: string): string {
  const { traits, projection } = drawing;
  const radius = Math.min(traits.eyes.spacing - 2.6, 12);
  return eyeCentres(drawing)
    .map(([x, y], i) => {
      const width = radius * (0.15 + 0.85 * projection.foreshortening(SIDES[i]! * traits.eyes.spacing));
      if (style === 'round') {
        return `<ellipse cx="${number(x)}" cy="${number(y + 1)}" rx="${number(width)}" ry="${number(radius * 0.94)}" ${paint}/>`;
      }
      const height = style === 'half' ? radius * 0.6 : radius * 0.78;
      const top = y + (style === 'half' ? 0 : 0.6) - height;
      return `<rect x="${number(x - width)}" y="${number(top)}" width="${number(2 * width)}" height="${number(2 * height)}" rx="${style === 'half' ? 2 : 3.2}" ${paint}/>`;
    })
    .join('');
}

/** Bridge and temples. */
function frame({ traits, projection }: FaceDrawing, colour: string, width: number): string {
  const { spacing, y } = traits.eyes;
  const inner = spacing - Math.min(spacing - 2.6, 12);
  const outer = spacing + Math.min(spacing - 2.6, 12);
  const bridge: FacePoint[] = [
    [-inner, y, 4],
    [0, y - 1.6, 7],
    [inner, y, 4],
  ];
  const temples = SIDES.map((side) =>
    stroked(
      curve([
        projection.surface([side * outer, y - 1, 3]),
        projection.space(side * traits.face.width * 1.01, y + 1, 0),
      ]),
      colour,
      width,
    ),
  ).join('');
  return stroked(curve(bridge.map(projection.surface)), colour, width) + temples;
}

/** Whatever is in the way in this photo. */
export const drawOcclusion: DrawPart = (drawing) => {
  switch (drawing.photo.occlusion) {
    case 'cap':
      return drawCap(drawing);
    case 'mask':
      return drawMask(drawing);
    case 'sunglasses':
      return (
        lenses(drawing, 'square', 'fill="#0d0f14" fill-opacity=".94" stroke="#050506" stroke-width="1.6"') +
        frame(drawing, '#050506', 1.8)
      );
    case 'hand':
      return drawHand(drawing);
    case 'scarf':
      return drawScarf(drawing);
    case undefined:
      return '';
  }
};

const drawCap: DrawPart = ({ traits, photo, projection }) => {
  const width = traits.face.width;
  const colour = photo.occlusionColour;
  const crown = [
    [-width * 1.06, -18],
    [-width * 1.0, -36],
    [-width * 0.55, -52],
    [0, -56],
    [width * 0.55, -52],
    [width * 1.0, -36],
    [width * 1.06, -18],
  ].map(([x, y]) => projection.space(x!, y!, 0));
  const brim = [
    [width * 0.6, -21],
    [0, -23.5],
    [-width * 0.6, -21],
  ].map(([x, y]) => projection.surface([x!, y!, 2]));
  const visor: PicturePoint[] = [
    projection.surface([-width * 0.9, -19]),
    projection.surface([-width * 0.45, -27, 4]),
    projection.surface([0, -29, 6]),
    projection.surface([width * 0.45, -27, 4]),
    projection.surface([width * 0.9, -19]),
    projection.surface([width * 0.5, -15, 15]),
    projection.surface([0, -14, 19]),
    projection.surface([-width * 0.5, -15, 15]),
  ];
  return [
    filled(curve([...crown, ...brim], { closed: true }), css(colour)),
    stroked(
      curve([projection.space(0, -56, 0), projection.surface([0, -28, 4])]),
      css(darker(colour, 0.35)),
      1,
      0.6,
    ),
    filled(curve(visor, { closed: true }), css(darker(colour, 0.3))),
    stroked(curve(visor.slice(5, 8)), css(lighter(colour, 0.3)), 0.8, 0.5),
  ].join('');
};

const drawMask: DrawPart = ({ traits, photo, projection }) => {
  const { face, nose } = traits;
  const colour = lighter(photo.occlusionColour, 0.5);
  const top = nose.tip - 6;
  const shape = [
    projection.surface([0, top - 3, 8]),
    projection.surface([face.width * 0.5, top + 1, 3]),
    projection.space(face.width * 0.94, top + 6, 4),
    projection.space(face.width * (0.25 + 0.7 * face.jaw), 27, 6),
    projection.surface([face.width * 0.42, face.length - 2, 6]),
    projection.surface([0, face.length + 2, 8]),
    projection.surface([-face.width * 0.42, face.length - 2, 6]),
    projection.space(-face.width * (0.25 + 0.7 * face.jaw), 27, 6),
    projection.space(-face.width * 0.94, top + 6, 4),
    projection.surface([-face.width * 0.5, top + 1, 3]),
  ];
  const fold = (y: number): string =>
    stroked(
      curve([
        projection.surface([-face.width * 0.62, y, 4]),
        projection.surface([0, y + 2, 9]),
        projection.surface([face.width * 0.62, y, 4]),
      ]),
      css(darker(colour, 0.3)),
      0.9,
      0.6,
    );
  return (
    filled(curve(shape, { closed: true }), css(colour)) + fold(top + 9) + fold(top + 15) + fold(top + 21)
  );
};

const drawHand: DrawPart = ({ traits, photo, projection }) => {
  const side = photo.light.x > 0 ? -1 : 1;
  const skin = darker(traits.skin, 0.06);
  const [x, y] = projection.surface([side * traits.face.width * 0.55, 26, 8]);
  const finger = (i: number): string => {
    const from: PicturePoint = [x + side * (16 - i * 2), y + 30 - i * 2];
    const to: PicturePoint = [x - side * (10 - i * 6), y - 7 - i * 3.4 + (i === 0 ? 7 : 0)];
    const path = curve([from, [(from[0] + to[0]) / 2 - side, (from[1] + to[1]) / 2 - 2], to]);
    return stroked(path, css(darker(skin, 0.35)), 8.2) + stroked(path, css(skin), 6.8);
  };
  return (
    ellipse([x + side * 18, y + 30], [17, 15], css(darker(skin, 0.08))) + [0, 1, 2, 3].map(finger).join('')
  );
};

const drawScarf: DrawPart = ({ traits, photo, projection }) => {
  const { face, mouth } = traits;
  const colour = photo.occlusionColour;
  const [left, right] = [-1, 1].map((side) => projection.space(side * face.width * 1.25, mouth.y + 2, 0));
  const middle = projection.surface([0, mouth.y + 2, 8]);
  const line = (drop: number): PicturePoint[] => [
    [left![0], left![1] + drop],
    [middle[0], middle[1] + drop],
    [right![0], right![1] + drop],
  ];
  const shape = curve([...line(0), [right![0] + 4, 120], [left![0] - 4, 120]], { closed: true });
  return [
    filled(shape, css(colour)),
    ...[7, 14, 21].map((drop) => stroked(curve(line(drop)), css(darker(colour, 0.4)), 1.4, 0.5)),
  ].join('');
};
