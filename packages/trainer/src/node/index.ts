/** Filling of `@arcface/trainer`'s interfaces for Node: checkpoints in a folder, logs in a file, ranks, decoding and embedding in threads. */
export { type DecodingThread, startDecodingThread } from './decoding-thread.ts';
export {
  type EmbeddingThreads,
  embedderData,
  serveEmbedder,
  startEmbeddingThreads,
} from './embedding-threads.ts';
export { FileCheckpointStore } from './file-checkpoint-store.ts';
export { JsonLinesLog, readJsonLines } from './json-lines-log.ts';
export { type RankThreads, rankData, serveRank, startRankThreads } from './rank-threads.ts';
export { TensorBoardLog } from './tensorboard-log.ts';
