/** Extensions that count as images, whatever their case. */
export const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  'jpg',
  'jpeg',
  'jpe',
  'jfif',
  'png',
  'webp',
  'bmp',
  'gif',
  'tif',
  'tiff',
  'avif',
  'heic',
  'heif',
  'jp2',
  'ppm',
  'pgm',
]);
