/**
 * What the fuzzer feeds: for every parser some good inputs to start from, and a run that may end in a `RecordIOError` or
 * not at all, within bounds on what is read and made.
 */
import { strict as assert } from 'node:assert';
import type { ByteSource } from '../byte-source.ts';
import { parseProperty, serializeProperty } from '../dataset-property.ts';
import { isRecordIOError } from '../errors.ts';
import { parseImageList } from '../image-list.ts';
import { encodeImageRecord } from '../image-record.ts';
import { memorySource } from '../memory-source.ts';
import { readPairsPack } from '../pairs-pack.ts';
import { encodePairsPack } from '../pairs-pack-writer.ts';
import { openRecordDataset } from '../record-dataset.ts';
import { encodeRecord, RECORD_MAGIC } from '../record-frame.ts';
import { parseIndex } from '../record-index.ts';
import { scanRecords } from '../record-reader.ts';
import { repairRecords } from '../record-repair.ts';
import { verifyRecords } from '../record-verify.ts';
import { collectingStream } from './collecting-stream.ts';

export interface FuzzTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** Rejects only if something is wrong with the parser. */
  run(input: Uint8Array): Promise<void>;
}

const encoder = new TextEncoder();
const magic = new Uint8Array(Uint32Array.of(RECORD_MAGIC).buffer);

const insightFaceRecords = concatenate([
  ...[0, 0, 1, 1, 1].map((label, i) => imageRecord(label, i + 1, 6 + i)),
  encodeRecord(encodeImageRecord({ label: [1, 3], id: 6 })),
  encodeRecord(encodeImageRecord({ label: [3, 6], id: 7 })),
  encodeRecord(encodeImageRecord({ label: [6, 8], id: 0, id2: 1 })),
]);
const insightFaceIndex = encoder.encode('1\t0\n2\t40\n3\t80\n4\t120\n5\t164\n6\t208\n7\t248\n0\t288\n');
const flatRecords = concatenate([0, 3, 3].map((label, id) => imageRecord(label, id, 5)));
const partedRecords = concatenate(
  [magic, concatenate([magic, magic, Uint8Array.of(1)]), Uint8Array.of(1, 2, 3, 4, ...magic, 5)].map(
    encodeRecord,
  ),
);

/** Records of which each has the next one within it, and parts that several first parts lead to. */
const nestedRecords = new Uint8Array(
  Uint32Array.of(
    ...[RECORD_MAGIC, 32, RECORD_MAGIC, 24, RECORD_MAGIC, (1 << 29) | 16],
    ...[RECORD_MAGIC, (1 << 29) | 8, RECORD_MAGIC, 1 << 29],
    ...[RECORD_MAGIC, 2 << 29, RECORD_MAGIC, 2 << 29, RECORD_MAGIC, 4, 7],
  ).buffer,
);

function imageRecord(label: number, id: number, size: number): Uint8Array {
  return encodeRecord(encodeImageRecord({ label, id, content: new Uint8Array(size).fill(7) }));
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** A source that fails the run if a parser reads much more than there is. */
function meteredSource(bytes: Uint8Array): ByteSource {
  const source = memorySource(bytes);
  let read = 0;
  return {
    byteLength: bytes.length,
    read(start, end, options) {
      read += end - start + 1;
      assert(read <= 64 * (bytes.length + 64), 'the parser reads the same bytes again and again');
      return source.read(start, end, options);
    },
  };
}

/** Runs a parser; its own errors are what damaged input should end in. */
async function tolerate(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!isRecordIOError(error)) {
      throw error;
    }
  }
}

async function openAndRead(records: Uint8Array, index: Uint8Array | undefined): Promise<void> {
  await tolerate(async () => {
    const dataset = await openRecordDataset({
      records: meteredSource(records),
      index: index === undefined ? undefined : memorySource(index),
    });
    assert(dataset.length <= records.length / 8);
    assert.equal(dataset.labels.length, dataset.length);
    const images = dataset.identities.reduce((sum, identity) => sum + identity.images.length, 0);
    assert.equal(images, dataset.length);
    await dataset.read(dataset.length - 1);
  });
}

const records: FuzzTarget = {
  name: '.rec',
  seeds: [insightFaceRecords, flatRecords, partedRecords, nestedRecords],
  async run(input) {
    await tolerate(async () => {
      let end = 0;
      for await (const record of scanRecords(meteredSource(input), { blockBytes: 64 })) {
        assert.equal(record.offset, end);
        end = record.end;
      }
      assert.equal(end, input.length);
    });
    const report = await verifyRecords({ records: meteredSource(input) });
    const output = collectingStream();
    const repaired = await repairRecords({ records: meteredSource(input), output: output.stream });
    assert.equal(repaired.records, report.records);
    const again = await verifyRecords({ records: memorySource(output.bytes()) });
    assert.equal(again.records, report.records);
    assert.equal(again.faultCount, report.records === 0 ? 1 : 0);
    await openAndRead(input, undefined);
  },
};

const index: FuzzTarget = {
  name: '.idx',
  seeds: [insightFaceIndex, encoder.encode('0\t0\r\n1\t40\r\n5\t80')],
  async run(input) {
    await tolerate(() => parseIndex(input));
    const lines = parseIndex(input, { onFault: () => {} });
    assert(lines.length <= input.length / 3);
    await openAndRead(insightFaceRecords, input);
    await openAndRead(flatRecords, input);
    await verifyRecords({ records: memorySource(flatRecords), index: memorySource(input) });
  },
};

const list: FuzzTarget = {
  name: '.lst',
  seeds: [encoder.encode('1\t0.000000\ta/b.jpg\n2\t1\t0.5\tü.png\r\n\n')],
  async run(input) {
    await tolerate(() => parseImageList(input));
  },
};

const property: FuzzTarget = {
  name: 'property',
  seeds: [encoder.encode('85742,112,112\n'), encoder.encode(' 5 , 112 , 96')],
  async run(input) {
    await tolerate(() => {
      const parsed = parseProperty(new TextDecoder().decode(input));
      assert.deepEqual(parseProperty(serializeProperty(parsed)), parsed);
    });
  },
};

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

/**
 * `base64.b64encode(pickle.dumps((images, flags), protocol))` of Python 3.8 for two images of three bytes: as bytes with a list
 * of flags, protocols 0 to 5, and as numpy 1.22 arrays, protocols 0, 1, 3 and 5.
 */
const PICKLES = [
  'KChscDAKY19jb2RlY3MKZW5jb2RlCnAxCihWAf9cdTAwMGEKcDIKVmxhdGluMQpwMwp0cDQKUnA1CmFnMQooVmEnYgpwNgpnMwp0cDcKUnA4CmEobHA5CkkwMQphdHAxMAou',
  'KF1xAChjX2NvZGVjcwplbmNvZGUKcQEoWAQAAAABw78KcQJYBgAAAGxhdGluMXEDdHEEUnEFaAEoWAMAAABhJ2JxBmgDdHEHUnEIZV1xCUkwMQphdHEKLg==',
  'gAJdcQAoY19jb2RlY3MKZW5jb2RlCnEBWAQAAAABw78KcQJYBgAAAGxhdGluMXEDhnEEUnEFaAFYAwAAAGEnYnEGaAOGcQdScQhlXXEJiGGGcQou',
  'gANdcQAoQwMB/wpxAUMDYSdicQJlXXEDiGGGcQQu',
  'gASVFwAAAAAAAABdlChDAwH/CpRDA2EnYpRlXZSIYYaULg==',
  'gAWVFwAAAAAAAABdlChDAwH/CpRDA2EnYpRlXZSIYYaULg==',
  'KChscDAKY251bXB5LmNvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcDEKKGNudW1weQpuZGFycmF5CnAyCihJMAp0cDMKY19jb2RlY3MKZW5jb2RlCnA0CihWYgpwNQpWbGF0aW4xCnA2CnRwNwpScDgKdHA5ClJwMTAKKEkxCihJMwp0cDExCmNudW1weQpkdHlwZQpwMTIKKFZ1MQpwMTMKSTAwCkkwMQp0cDE0ClJwMTUKKEkzClZ8CnAxNgpOTk5JLTEKSS0xCkkwCnRwMTcKYkkwMApnNAooVgH/XHUwMDBhCnAxOApnNgp0cDE5ClJwMjAKdHAyMQpiYWcxCihnMgooSTAKdHAyMgpnOAp0cDIzClJwMjQKKEkxCihJMwp0cDI1CmcxNQpJMDAKZzQKKFZhJ2IKcDI2Cmc2CnRwMjcKUnAyOAp0cDI5CmJhZzEKKGcyCihJMAp0cDMwCmc4CnRwMzEKUnAzMgooSTEKKEkxCnRwMzMKZzEyCihWYjEKcDM0CkkwMApJMDEKdHAzNQpScDM2CihJMwpnMTYKTk5OSS0xCkktMQpJMAp0cDM3CmJJMDAKZzQKKFYBCnAzOApnNgp0cDM5ClJwNDAKdHA0MQpidHA0Mgou',
  'KF1xAChjbnVtcHkuY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxAShjbnVtcHkKbmRhcnJheQpxAihLAHRxA2NfY29kZWNzCmVuY29kZQpxBChYAQAAAGJxBVgGAAAAbGF0aW4xcQZ0cQdScQh0cQlScQooSwEoSwN0cQtjbnVtcHkKZHR5cGUKcQwoWAIAAAB1MXENSTAwCkkwMQp0cQ5ScQ8oSwNYAQAAAHxxEE5OTkr/////Sv////9LAHRxEWJJMDAKaAQoWAQAAAABw78KcRJoBnRxE1JxFHRxFWJoAShoAihLAHRxFmgIdHEXUnEYKEsBKEsDdHEZaA9JMDAKaAQoWAMAAABhJ2JxGmgGdHEbUnEcdHEdYmVoAShoAihLAHRxHmgIdHEfUnEgKEsBKEsBdHEhaAwoWAIAAABiMXEiSTAwCkkwMQp0cSNScSQoSwNoEE5OTkr/////Sv////9LAHRxJWJJMDAKaAQoWAEAAAABcSZoBnRxJ1JxKHRxKWJ0cSou',
  'gANdcQAoY251bXB5LmNvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQFjbnVtcHkKbmRhcnJheQpxAksAhXEDQwFicQSHcQVScQYoSwFLA4VxB2NudW1weQpkdHlwZQpxCFgCAAAAdTFxCYmIh3EKUnELKEsDWAEAAAB8cQxOTk5K/////0r/////SwB0cQ1iiUMDAf8KcQ50cQ9iaAFoAksAhXEQaASHcRFScRIoSwFLA4VxE2gLiUMDYSdicRR0cRViZWgBaAJLAIVxFmgEh3EXUnEYKEsBSwGFcRloCFgCAAAAYjFxGomIh3EbUnEcKEsDaAxOTk5K/////0r/////SwB0cR1iiUMBAXEedHEfYoZxIC4=',
  'gAWV1AAAAAAAAABdlCiMEm51bXB5LmNvcmUubnVtZXJpY5SMC19mcm9tYnVmZmVylJOUKJYDAAAAAAAAAAH/CpSMBW51bXB5lIwFZHR5cGWUk5SMAnUxlImIh5RSlChLA4wBfJROTk5K/////0r/////SwB0lGJLA4WUjAFDlHSUUpRoAyiWAwAAAAAAAABhJ2KUaApLA4WUaA50lFKUZWgDKJYBAAAAAAAAAAGUaAeMAmIxlImIh5RSlChLA2gLTk5OSv////9K/////0sAdJRiSwGFlGgOdJRSlIaULg==',
].map((text) => new Uint8Array(Buffer.from(text, 'base64')));

const pickle: FuzzTarget = {
  name: '.bin',
  seeds: [
    ...PICKLES,
    concatenate([
      ...encodePairsPack({ images: [Uint8Array.of(1, 2, 3), new Uint8Array(300)], isSame: [true] }),
    ]),
    // Protocol 0 and 2: quoted and escaped strings, text as bytes, numpy arrays and scalars, the memo.
    latin1("(lp0\nS'\\xff\\n\\'a'\np1\naV\\u0041b\np2\naa(lp3\nI01\naI00\nat."),
    latin1(
      '\x80\x02](cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85C\x01b\x87R(K\x01K\x03K\x01\x86cnumpy\ndtype\nX\x02\x00\x00\x00u1K\x00K\x01\x87R(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89C\x03abctbc_codecs\nencode\nX\x02\x00\x00\x00\xc3\xbfX\x06\x00\x00\x00latin1\x86Re](\x88cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\x00\x00\x00b1K\x00K\x01\x87RC\x01\x01\x86Re\x86.',
    ),
  ],
  async run(input) {
    await tolerate(async () => {
      const { images, isSame } = await readPairsPack(memorySource(input));
      assert.equal(images.length, 2 * isSame.length);
      assert(images.length <= input.length);
    });
  },
};

export const FUZZ_TARGETS: readonly FuzzTarget[] = [records, index, list, property, pickle];
