/** A photo of a person as an SVG drawing: the parts, from the background to the front. */
import { drawGlasses, drawOcclusion } from './accessories.ts';
import { css } from './colour.ts';
import type { FaceDrawing } from './face-drawing.ts';
import { drawBrows, drawEyes, drawMouth, drawNose } from './face-features.ts';
import { drawBackHair, drawBeard, drawHair } from './hair.ts';
import { headProjection } from './head-projection.ts';
import type { Person } from './person.ts';
import type { Photo } from './photo.ts';
import { drawEars, drawNeck, drawShading, drawSkin, skinGradients } from './skin.ts';
import { number } from './svg-path.ts';

/** Side of the drawing's coordinate system. */
const PICTURE_SIZE = 112;

/**
 * Draws the photo.
 *
 * @param size width and height of the rendered picture in pixels; the drawing is the same
 */
export function faceSvg(person: Person, photo: Photo, size: number): string {
  const look = person.looks[photo.look]!;
  const drawing: FaceDrawing = { traits: person.traits, look, photo, projection: headProjection(photo.pose) };
  const { crop, pose, background } = photo;
  const middle = PICTURE_SIZE / 2;
  const place = [
    `translate(${number(middle + crop.x)} ${number(middle + crop.y)})`,
    `rotate(${number((pose.roll * 180) / Math.PI)})`,
    `scale(${crop.scale.toFixed(3)})`,
    `translate(${-middle} ${-middle})`,
  ].join(' ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 ${PICTURE_SIZE} ${PICTURE_SIZE}">`,
    '<defs>',
    `<linearGradient id="background" x2=".4" y2="1"><stop stop-color="${css(background[0])}"/><stop offset="1" stop-color="${css(background[1])}"/></linearGradient>`,
    skinGradients(drawing),
    '</defs>',
    `<rect width="${PICTURE_SIZE}" height="${PICTURE_SIZE}" fill="url(#background)"/>`,
    `<g transform="${place}">`,
    drawBackHair(drawing),
    drawNeck(drawing),
    drawEars(drawing),
    drawSkin(drawing),
    drawBeard(drawing),
    drawMouth(drawing),
    drawEyes(drawing),
    drawBrows(drawing),
    drawNose(drawing),
    drawShading(drawing),
    drawHair(drawing),
    drawGlasses(drawing),
    drawOcclusion(drawing),
    '</g>',
    light(photo),
    '</svg>',
  ].join('');
}

/** A cast of colour and a light from one side over the whole picture. */
function light({ light: { x, y, strength, tint, tintStrength } }: Photo): string {
  const towards = Math.atan2(y, x);
  const [dx, dy] = [Math.cos(towards) / 2, Math.sin(towards) / 2];
  const shade = (strength * 0.45).toFixed(2);
  return [
    `<linearGradient id="light" x1="${(0.5 - dx).toFixed(2)}" y1="${(0.5 - dy).toFixed(2)}" x2="${(0.5 + dx).toFixed(2)}" y2="${(0.5 + dy).toFixed(2)}">`,
    `<stop stop-color="#05030a" stop-opacity="${shade}"/><stop offset=".6" stop-color="#05030a" stop-opacity="0"/>`,
    `<stop offset="1" stop-color="#fff8e8" stop-opacity="${(strength * 0.2).toFixed(2)}"/></linearGradient>`,
    `<rect width="${PICTURE_SIZE}" height="${PICTURE_SIZE}" fill="url(#light)"/>`,
    `<rect width="${PICTURE_SIZE}" height="${PICTURE_SIZE}" fill="${css(tint)}" opacity="${tintStrength.toFixed(2)}"/>`,
  ].join('');
}
