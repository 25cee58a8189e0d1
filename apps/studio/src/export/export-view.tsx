/** The cleaned dataset, written here and now. */
import { IDENTITY_NAMES_FILE, type RecordLayout } from '@arcface/recordio';
import { useRef, useState } from 'preact/hooks';
import { auditLines } from '../audit/audit-lines.ts';
import type { Session } from '../session/session.ts';
import { count, countOf, degrees, megabytes } from '../shell/format.ts';
import { canWriteFolders, download, downloads, type OutputFiles, pickFolder } from './output-files.ts';
import { writeCleaned } from './write-cleaned.ts';

type State =
  | { readonly kind: 'ready' }
  | { readonly kind: 'writing'; readonly done: number; readonly total: number }
  | { readonly kind: 'written'; readonly images: number; readonly identities: number; readonly bytes: number }
  | { readonly kind: 'failed'; readonly message: string };

export function ExportView({ session }: { readonly session: Session }) {
  const [layout, setLayout] = useState<RecordLayout>('insightface');
  const [state, setState] = useState<State>({ kind: 'ready' });
  const abort = useRef<AbortController>(null);
  const { kept, dropped, identities, relabelled } = session.outcome.value;
  const rule = session.rule.value;
  const decided = session.book.version.value >= 0 ? session.book.all.size : 0;

  const write = async (choose: () => OutputFiles | Promise<OutputFiles>): Promise<void> => {
    let files: OutputFiles;
    try {
      files = await choose();
    } catch (error) {
      // The user has closed the dialog.
      if ((error as Error).name === 'AbortError') return;
      return setState({ kind: 'failed', message: (error as Error).message });
    }
    const controller = new AbortController();
    abort.current = controller;
    setState({ kind: 'writing', done: 0, total: kept });
    try {
      const [records, index] = [await files.create('train.rec'), await files.create('train.idx')];
      let told = 0;
      const {
        property,
        names,
        images,
        identities: written,
        bytes,
      } = await writeCleaned(session, {
        layout,
        records,
        index,
        signal: controller.signal,
        onProgress: (done, total) => {
          if (performance.now() - told < 100) return;
          told = performance.now();
          setState({ kind: 'writing', done, total });
        },
      });
      await writeText(files, 'property', property);
      if (names !== undefined) await writeText(files, IDENTITY_NAMES_FILE, names);
      await files.finish();
      setState({ kind: 'written', images, identities: written, bytes });
    } catch (error) {
      await files.discard();
      setState(
        controller.signal.aborted ? { kind: 'ready' } : { kind: 'failed', message: (error as Error).message },
      );
    }
  };
  return (
    <main class="page" id="main">
      <header class="page-head">
        <div>
          <h1>Export</h1>
          <p class="note">Writes what stays as a new record file. The originals are not touched.</p>
        </div>
      </header>
      <section class="card">
        <h2>What will be written</h2>
        <p class="summary">
          <b>{countOf(kept, 'face')}</b> of <b>{countOf(identities, 'identity', 'identities')}</b>.{' '}
          {count(dropped)} {dropped === 1 ? 'goes' : 'go'}
          {relabelled > 0 && (
            <>
              , {count(relabelled)} {relabelled === 1 ? 'moves' : 'move'} to another identity
            </>
          )}
          .
        </p>
        <p class="note">
          {rule.kind === 'angle'
            ? `By the rule: faces at ${degrees(rule.degrees)} or more go. `
            : 'By what the audit decided. '}
          {decided > 0
            ? `Above it, ${countOf(decided, 'decision')} of yours.`
            : 'No decision of yours stands above it.'}
        </p>
        {session.faces === undefined ? (
          <p class="empty">
            Only an audit is open, no faces: there is nothing to copy. Open the dataset together with the
            audit, or export your decisions and run <code>arcface drop</code>.
          </p>
        ) : (
          <>
            <fieldset class="layouts">
              <legend>Layout</legend>
              <label>
                <input
                  type="radio"
                  name="layout"
                  checked={layout === 'insightface'}
                  onChange={() => setLayout('insightface')}
                />
                InsightFace <small>with header and identity records</small>
              </label>
              <label>
                <input
                  type="radio"
                  name="layout"
                  checked={layout === 'flat'}
                  onChange={() => setLayout('flat')}
                />
                Flat <small>images only, as the reference's drop script writes them</small>
              </label>
            </fieldset>
            <div class="buttons">
              {canWriteFolders() && (
                <button
                  type="button"
                  class="primary"
                  disabled={state.kind === 'writing'}
                  onClick={() => write(pickFolder)}
                >
                  Write into a folder…
                </button>
              )}
              <button
                type="button"
                class={canWriteFolders() ? '' : 'primary'}
                disabled={state.kind === 'writing'}
                onClick={() => write(downloads)}
              >
                Download the files
              </button>
              {state.kind === 'writing' && (
                <button type="button" onClick={() => abort.current?.abort()}>
                  Cancel
                </button>
              )}
            </div>
          </>
        )}
        <Progress state={state} />
      </section>
      {session.auditMadeBy !== undefined && (
        <section class="card">
          <h2>The audit</h2>
          <p class="note">
            It was made here (by {session.auditMadeBy}) and stands in no file yet. Save it to go on another
            time, or with <code>arcface drop --audit</code>.
          </p>
          <div class="buttons">
            <button
              type="button"
              onClick={() =>
                download(
                  'audit.jsonl',
                  new Blob([...auditLines(session.columns)], { type: 'application/octet-stream' }),
                )
              }
            >
              Save audit.jsonl
            </button>
          </div>
        </section>
      )}
    </main>
  );
}

async function writeText(files: OutputFiles, name: string, text: string): Promise<void> {
  const writer = (await files.create(name)).getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

function Progress({ state }: { readonly state: State }) {
  switch (state.kind) {
    case 'ready':
      return null;
    case 'writing':
      return (
        <p>
          <progress max={state.total} value={state.done} aria-label="Writing" /> {count(state.done)} of{' '}
          {count(state.total)}
        </p>
      );
    case 'written':
      return (
        <p class="done" role="status">
          Written: {countOf(state.images, 'face')} of {countOf(state.identities, 'identity', 'identities')},{' '}
          {megabytes(state.bytes)}. Train on it with <code>arcface train --data … --subcenters 1</code>.
        </p>
      );
    case 'failed':
      return (
        <p class="fault" role="alert">
          {state.message}
        </p>
      );
  }
}
