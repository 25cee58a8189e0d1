import { expect, test } from 'vitest';
import * as root from './index.ts';
import * as node from './node/index.ts';

test('the exported names', () => {
  expect(Object.keys(root)).toMatchInlineSnapshot(`
    [
      "parseProperty",
      "serializeProperty",
      "compactLabels",
      "filterDataset",
      "namesOf",
      "relabelDataset",
      "isRecordIOError",
      "RecordIOError",
      "writeFaceRecords",
      "identitiesFromLabels",
      "parseImageList",
      "serializeImageList",
      "encodeImageRecord",
      "MAX_EXACT_LABEL",
      "parseImageRecord",
      "checkRange",
      "memorySource",
      "readPairsPack",
      "keysFromIds",
      "openRecordDataset",
      "encodeRecord",
      "MAX_PAYLOAD_BYTES",
      "RECORD_MAGIC",
      "parseIndex",
      "serializeIndex",
      "readRecord",
      "scanRecordBlocks",
      "scanRecords",
      "scanRecordOffsets",
      "scanRecordTable",
      "RecordWriter",
    ]
  `);
  expect(Object.keys(node)).toMatchInlineSnapshot(`
    [
      "openFileSink",
      "openFileSource",
      "IMAGE_EXTENSIONS",
      "openFolderDataset",
      "openListDataset",
      "openFaceDataset",
      "writeFaceDataset",
    ]
  `);
});
