/** The command line, for programs: run it, decode images as it does, type its configuration files. */
export { defineConfig, type TrainConfig } from './commands/train/train-config.ts';
export { sharpDecoder } from './decode.ts';
export { type DecodedFaces, decodeFaces } from './demo/decoded-faces.ts';
export { runCommandLine } from './program.ts';
