/** What made a dataset: inputs by digest, the rule, versions. Beside the dataset as `provenance.json`; the same inputs give the same bytes. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Decision } from '@arcface/cleaner';
import { programVersion } from '../program-version.ts';
import { sha256OfFile } from './embedding-store.ts';
import type { JudgedInputs } from './judge-dataset.ts';

export const PROVENANCE_FILE = 'provenance.json';
const FORMAT = 'arcface-provenance';

/** The network and those beside it, or the audit that the judgement was read from. */
export type JudgedBy =
  | { readonly model: string; readonly beside?: readonly string[] | undefined }
  | { readonly audit: string };

export async function provenance(of: {
  readonly command: string;
  readonly data: string;
  readonly judgedBy: JudgedBy;
  readonly decisions?: string | undefined;
  readonly inputs: JudgedInputs;
  readonly decision: Decision;
}): Promise<string> {
  const { command, data, judgedBy, decisions, inputs, decision } = of;
  const { images, classes, contentSha256, fingerprint, trainedOnThis } = inputs;
  const [modelSha256, ...besideSha256] = inputs.modelSha256;
  const record = {
    format: FORMAT,
    version: 1,
    command,
    program: { name: 'arcface', version: programVersion() },
    data: { path: data, images, identities: classes, contentSha256, fingerprint },
    ...('model' in judgedBy
      ? {
          model: { path: judgedBy.model, sha256: modelSha256, trainedOnThisData: trainedOnThis },
          ...(judgedBy.beside && {
            beside: judgedBy.beside.map((path, i) => ({ path, sha256: besideSha256[i] })),
          }),
        }
      : { audit: await fileByDigest(judgedBy.audit) }),
    rule: decision.rule,
    applied: decision.applied,
    ...(decisions === undefined ? {} : { decisions: await fileByDigest(decisions) }),
    layout: decision.layout,
    kept: decision.kept,
    dropped: decision.dropped,
  };
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** Fingerprint of the dataset that a dataset was left of by a drop; undefined for one that was made in another way. */
export function fingerprintOfSource(data: string): string | undefined {
  const folder = basename(data) === 'train.rec' ? dirname(data) : data;
  try {
    const made = JSON.parse(readFileSync(join(folder, PROVENANCE_FILE), 'utf8'));
    return made.format === FORMAT ? String(made.data.fingerprint) : undefined;
  } catch {
    return undefined;
  }
}

async function fileByDigest(path: string): Promise<{ readonly path: string; readonly sha256: string }> {
  return { path, sha256: await sha256OfFile(path) };
}
