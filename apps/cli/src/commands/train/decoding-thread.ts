/** The thread in which `arcface train` decodes and augments images. */
import { serveDecoder } from '@arcface/trainer/node';
import { sharpDecoder } from '../../decode.ts';

serveDecoder(sharpDecoder);
