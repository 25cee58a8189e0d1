// An optional peer of the command line, not installed here: imported for its side effects only.
declare module '@tensorflow/tfjs-backend-webgpu';
