/** Face datasets in MXNet's RecordIO files: read, written, checked and mended. The table of contents: */

// Datasets

export type { FaceDataset, FaceIdentity, FaceRecord } from './face-dataset.ts';
export { type IdentityNames, identitiesFromLabels } from './identities.ts';
export { type LabelStatistics, labelStatistics } from './label-statistics.ts';
export {
  keysFromIds,
  openRecordDataset,
  type RecordDataset,
  type RecordDatasetOptions,
  type RecordLayout,
} from './record-dataset.ts';

// Datasets made of others

export { type MergeOptions, mergeDatasets } from './dataset-merge.ts';
export { type SplitOptions, shuffleDataset, splitDataset } from './dataset-split.ts';
export { compactLabels, filterDataset, groupByIdentity, namesOf, relabelDataset } from './dataset-views.ts';
export { shuffledPositions } from './random-order.ts';

// Writing a dataset

export {
  type FaceRecordsOptions,
  type FaceRecordsSummary,
  type LabelledImage,
  writeFaceRecords,
} from './face-record-writer.ts';

// Files beside the records

export { type DatasetProperty, parseProperty, serializeProperty } from './dataset-property.ts';
export { IDENTITY_NAMES_FILE, parseIdentityNames, serializeIdentityNames } from './identity-names.ts';
export { type ImageListEntry, parseImageList, serializeImageList } from './image-list.ts';
export { type IndexFaultHandler, parseIndex, type RecordIndex, serializeIndex } from './record-index.ts';

// Images in records

export { IMAGE_EXTENSIONS } from './image-extensions.ts';
export { imageExtension } from './image-format.ts';
export {
  encodeImageRecord,
  type ImageRecord,
  type ImageRecordHeader,
  type ImageRecordInit,
  MAX_EXACT_LABEL,
  parseImageRecord,
} from './image-record.ts';

// Records

export { type CopyRecordsOptions, copyRecords } from './record-copy.ts';
export { encodeRecord, MAX_PAYLOAD_BYTES, type RawRecord, RECORD_MAGIC } from './record-frame.ts';
export { type ListedRecord, type ListRecordsOptions, listRecords } from './record-listing.ts';
export {
  type ReadRecordOptions,
  readRecord,
  type ScanOptions,
  scanRecordBlocks,
  scanRecords,
} from './record-reader.ts';
export {
  type RecordTable,
  type RecordTableOptions,
  scanRecordOffsets,
  scanRecordTable,
} from './record-table.ts';
export { RecordWriter, type RecordWriterOptions } from './record-writer.ts';

// Damage

export { type RepairOptions, type RepairReport, repairRecords } from './record-repair.ts';
export {
  type LostBytes,
  type SalvagedStretch,
  type SalvageOptions,
  salvageRecords,
} from './record-salvage.ts';
export { type RecordsSurvey, type SurveyOptions, surveyRecords } from './record-survey.ts';
export { type RecordFault, type VerifyOptions, type VerifyReport, verifyRecords } from './record-verify.ts';

// Verification packs

export { type PairsPack, readPairsPack } from './pairs-pack.ts';
export { encodePairsPack, writePairsPack } from './pairs-pack-writer.ts';

// Where the bytes come from, and what can be wrong with them

export type { ByteSource, ReadOptions } from './byte-source.ts';
export { isRecordIOError, RecordIOError, type RecordIOErrorCode, type RecordIOErrorPlace } from './errors.ts';
export { checkRange, memorySource } from './memory-source.ts';
