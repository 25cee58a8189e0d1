/** Puts the sample into the built studio. */
import { fileURLToPath } from 'node:url';
import { writeSample } from './write-sample.ts';

await writeSample(fileURLToPath(new URL('../dist/sample/', import.meta.url)));
