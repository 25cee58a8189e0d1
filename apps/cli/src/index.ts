/** The command line, for programs: run it, decode images as it does, type its configuration files. */
export { type Config, defineConfig } from './cli/config-file.ts';
export { sharpDecoder } from './decode.ts';
export { type DecodedFaces, decodeFaces } from './demo/decoded-faces.ts';
export { runCommandLine } from './program.ts';
