/** Datasets as files and folders, for Node. */

// Reading

export { type FileSource, type FileSourceOptions, openFileSource } from './file-source.ts';
export {
  type FolderDatasetOptions,
  type IgnoredEntry,
  type ListDatasetOptions,
  openFolderDataset,
  openListDataset,
  pathWithin,
} from './folder-dataset.ts';
export { type OpenFaceDatasetOptions, openFaceDataset } from './open-face-dataset.ts';

// Writing

export { openFileSink } from './file-sink.ts';
export {
  type FaceDatasetSummary,
  type WriteFaceDatasetOptions,
  writeFaceDataset,
} from './write-face-dataset.ts';
export {
  IMAGE_LIST_FILE,
  type ImageFolderSummary,
  type WriteImageFolderOptions,
  writeImageFolder,
} from './write-image-folder.ts';
export {
  type PairsFolderSummary,
  type WritePairsFolderOptions,
  writePairsFolder,
} from './write-pairs-folder.ts';
export { indexPathOf, type WriteRecordFilesOptions, writeRecordFiles } from './write-record-files.ts';
