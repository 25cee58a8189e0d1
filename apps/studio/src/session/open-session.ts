/** Opens a session: from files that the user chose, or from a manifest on this site (the sample's, or `arcface studio`'s). */
import { type IdentityNames, parseIdentityNames } from '@arcface/recordio';
import { proposedMerges } from '../audit/audit-summary-file.ts';
import { readAudit } from '../audit/read-audit.ts';
import type { FaceSource } from '../faces/face-source.ts';
import { openDataset } from '../faces/open-dataset.ts';
import type { ComputeBackend } from '../models/compute-backend.ts';
import { makeAudit } from '../models/make-audit.ts';
import { type ChosenFile, type ChosenFiles, canEmbed, sortFiles, whyNotEnough } from './chosen-files.ts';
import { OpenError } from './open-error.ts';
import { Session, type SessionFaces } from './session.ts';

/** How far opening is. */
export interface OpenProgress {
  readonly what: string;
  /** 0..1; undefined where it is not known. */
  readonly share: number | undefined;
}

export interface OpenOptions {
  readonly masked: boolean;
  /** What embeds; default: WebGPU where there is one. */
  readonly backend?: ComputeBackend | undefined;
  readonly onProgress: (progress: OpenProgress) => void;
}

/** `studio.json`: what stands on a site to be opened. Addresses are relative to the manifest. */
export interface Manifest {
  /** By `arcface studio`, and only as long as it runs. */
  readonly served?: boolean;
  readonly title: string;
  readonly audit: string;
  readonly summary?: string;
  readonly data?:
    | {
        readonly kind: 'records';
        readonly records: string;
        readonly index?: string;
        readonly property?: string;
        readonly names?: string;
      }
    | { readonly kind: 'images'; readonly images: string; readonly listing: string };
  /** Fetch files whole: for small ones on a host that may not know ranges. */
  readonly whole?: boolean;
  /** Where the decisions are read and written as a file. */
  readonly decisions?: string;
  readonly mask?: boolean;
}

/** There are faces, but neither an audit nor anything to make one with: more files are needed. */
export class NeedsModel extends OpenError {
  readonly files: readonly ChosenFile[];
  /** What is wrong with the files that were added last. */
  readonly note: string | undefined;

  constructor(files: readonly ChosenFile[], note: string | undefined) {
    super('These are faces without an audit.');
    this.files = files;
    this.note = note;
  }
}

/**
 * @param added Of the files, those that were added to faces that waited for them.
 * @throws {OpenError}
 */
export async function openFiles(
  files: readonly ChosenFile[],
  added: readonly ChosenFile[],
  options: OpenOptions,
): Promise<Session> {
  const chosen = sortFiles(files);
  const { audit, summary, models } = chosen;
  const faces = await chosenFaces(chosen);
  if (audit === undefined && faces === undefined) {
    throw new OpenError(
      'There is neither an audit (.jsonl or .parquet) nor a dataset (.rec, or a folder of folders) among these files.',
    );
  }
  if (audit === undefined && !canEmbed(models)) throw new NeedsModel(files, whyNotEnough(added));
  const { columns, computedBy } =
    audit === undefined
      ? await makeAudit(
          { source: faces!.source, names: faces!.names, models, backend: options.backend },
          options.onProgress,
        )
      : {
          columns: await readAudit(audit.path, audit.file, (share) =>
            options.onProgress({ what: 'Reading the audit', share }),
          ),
          computedBy: undefined,
        };
  return new Session({
    title: chosen.title,
    columns,
    merges: summary === undefined ? [] : proposedMerges(await summary.file.text()),
    faces,
    masked: options.masked,
    auditMadeBy: computedBy,
    decisionsAddress: undefined,
  });
}

async function chosenFaces(chosen: ChosenFiles): Promise<SessionFaces | undefined> {
  const { records, index, images, names, property } = chosen;
  const source: FaceSource | undefined =
    records !== undefined
      ? { kind: 'records', records: records.file, index: index?.file }
      : images.size > 0
        ? { kind: 'files', files: images }
        : undefined;
  return source && sessionFaces(source, await names?.file.text(), await property?.file.text());
}

function sessionFaces(
  source: FaceSource,
  names: string | undefined,
  property: string | undefined,
): SessionFaces {
  const identityNames: IdentityNames | undefined =
    names === undefined ? undefined : parseIdentityNames(names);
  return { source, property, names: identityNames, openDataset: () => openDataset(source, identityNames) };
}

/** @throws {OpenError} */
export async function openManifest(address: URL, options: OpenOptions): Promise<Session> {
  const manifest: Manifest = await (await fetched(address)).json();
  const at = (place: string): URL => new URL(place, address);
  const text = async (place: string | undefined): Promise<string | undefined> =>
    place === undefined ? undefined : (await fetched(at(place))).text();
  options.onProgress({ what: 'Fetching the audit', share: undefined });
  const audit = await (await fetched(at(manifest.audit))).blob();
  const columns = await readAudit(manifest.audit, audit, (share) =>
    options.onProgress({ what: 'Reading the audit', share }),
  );
  const summary = await text(manifest.summary);
  return new Session({
    title: manifest.title,
    columns,
    merges: summary === undefined ? [] : proposedMerges(summary),
    faces: await manifestFaces(manifest, at, text),
    masked: options.masked || manifest.mask === true,
    auditMadeBy: undefined,
    decisionsAddress: manifest.decisions === undefined ? undefined : at(manifest.decisions).href,
  });
}

async function manifestFaces(
  { data, whole }: Manifest,
  at: (place: string) => URL,
  text: (place: string | undefined) => Promise<string | undefined>,
): Promise<SessionFaces | undefined> {
  if (data === undefined) return undefined;
  if (data.kind === 'images') {
    return sessionFaces(
      { kind: 'served', images: at(data.images).href, listing: at(data.listing).href },
      undefined,
      undefined,
    );
  }
  const place = async (name: string): Promise<Blob | string> =>
    whole ? (await fetched(at(name))).blob() : at(name).href;
  const source: FaceSource = {
    kind: 'records',
    records: await place(data.records),
    index: data.index === undefined ? undefined : await place(data.index),
  };
  return sessionFaces(source, await text(data.names), await text(data.property));
}

async function fetched(address: URL): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch {
    throw new OpenError(
      `${address.pathname} cannot be reached. Is the program that serves it still running?`,
    );
  }
  if (!response.ok) throw new OpenError(`${address.pathname} cannot be read: status ${response.status}.`);
  return response;
}
