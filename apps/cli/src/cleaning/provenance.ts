/** What made a dataset: inputs by digest, the rule, versions. Beside the dataset as `provenance.json`; the same inputs give the same bytes. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Decision } from '@arcface/cleaner';
import type { JudgedInputs } from './judge-dataset.ts';

export const PROVENANCE_FILE = 'provenance.json';

export async function provenance(of: {
  readonly command: string;
  readonly data: string;
  readonly model: string;
  readonly decisions?: string | undefined;
  readonly inputs: JudgedInputs;
  readonly decision: Decision;
}): Promise<string> {
  const { command, data, model, decisions, inputs, decision } = of;
  const { images, classes, contentSha256, fingerprint, modelSha256, trainedOnThis } = inputs;
  const record = {
    format: 'arcface-provenance',
    version: 1,
    command,
    program: { name: 'arcface', version: programVersion() },
    data: { path: data, images, identities: classes, contentSha256, fingerprint },
    model: { path: model, sha256: modelSha256, trainedOnThisData: trainedOnThis },
    rule: decision.rule,
    applied: decision.applied,
    ...(decisions === undefined
      ? {}
      : {
          decisions: {
            path: decisions,
            sha256: createHash('sha256')
              .update(await readFile(decisions))
              .digest('hex'),
          },
        }),
    layout: decision.layout,
    kept: decision.kept,
    dropped: decision.dropped,
  };
  return `${JSON.stringify(record, null, 2)}\n`;
}

export function programVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
