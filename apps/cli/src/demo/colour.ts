/** Colours as numbers, so that a face can be lit, tinted and aged before it is written down as SVG. */

/** Red, green and blue, 0..255. */
export type Colour = readonly [number, number, number];

export const BLACK: Colour = [0, 0, 0];
export const WHITE: Colour = [255, 255, 255];

/** `share` of the way from one colour to another. */
export function mix(from: Colour, to: Colour, share: number): Colour {
  return [
    from[0] + (to[0] - from[0]) * share,
    from[1] + (to[1] - from[1]) * share,
    from[2] + (to[2] - from[2]) * share,
  ];
}

export function darker(colour: Colour, share: number): Colour {
  return mix(colour, BLACK, share);
}

export function lighter(colour: Colour, share: number): Colour {
  return mix(colour, WHITE, share);
}

/** How SVG writes it. */
export function css(colour: Colour): string {
  const bytes = colour.map((value) => Math.max(0, Math.min(255, Math.round(value))));
  return `#${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

/** From hue in degrees, saturation and lightness 0..1. */
export function hsl(hue: number, saturation: number, lightness: number): Colour {
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number): number => {
    const k = (n + hue / 30) % 12;
    return 255 * (lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  };
  return [channel(0), channel(8), channel(4)];
}
