/** The thread in which `arcface train` decodes and augments images. */
import { serveDecoder } from '@arcface/trainer/decoding-thread';
import { sharpDecoder } from '../../decode.ts';

serveDecoder(sharpDecoder);
