/** The application: nothing open, opening, or a session with its views. */
import { computed, type ReadonlySignal, signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { keepDecisions, type SaveState } from './decisions/autosave.ts';
import { DecisionsView } from './decisions/decisions-view.tsx';
import { ExportView } from './export/export-view.tsx';
import { IdentityView } from './identity/identity-view.tsx';
import { keepForOffline } from './offline/register.ts';
import { OverviewView } from './overview/overview-view.tsx';
import type { ChosenFile } from './session/chosen-files.ts';
import {
  NeedsModel,
  type OpenOptions,
  type OpenProgress,
  openFiles,
  openManifest,
} from './session/open-session.ts';
import type { Session } from './session/session.ts';
import { HelpDialog } from './shell/help-dialog.tsx';
import { go, type Route, route } from './shell/route.ts';
import { TopBar } from './shell/top-bar.tsx';
import { StartView } from './start/start-view.tsx';

type State =
  | {
      readonly kind: 'empty';
      readonly fault?: string;
      /** Faces that wait for an audit, or for something to make one with. */
      readonly waiting?: readonly ChosenFile[];
    }
  | { readonly kind: 'opening'; readonly progress: OpenProgress }
  | {
      readonly kind: 'open';
      readonly session: Session;
      readonly saving: ReadonlySignal<SaveState>;
      readonly stopSaving: () => void;
    };

const state = signal<State>({ kind: 'opening', progress: { what: 'Starting', share: undefined } });
const current = computed(() => (state.value.kind === 'open' ? state.value : undefined));

/** Blurs all faces; also by ?mask in the address. */
const parameters = new URLSearchParams(globalThis.location?.search);
const masked = parameters.has('mask');
/** ?backend=wasm leaves a GPU alone. */
const backend = parameters.get('backend') === 'wasm' ? 'wasm' : undefined;

async function open(
  how: (options: OpenOptions) => Promise<Session>,
  waiting: readonly ChosenFile[] = [],
): Promise<void> {
  state.value = { kind: 'opening', progress: { what: 'Opening', share: undefined } };
  try {
    const session = await how({
      masked,
      backend,
      onProgress: (progress) => {
        state.value = { kind: 'opening', progress };
      },
    });
    const { state: saving, stop: stopSaving } = await keepDecisions(session);
    state.value = { kind: 'open', session, saving, stopSaving };
  } catch (error) {
    const fault = error instanceof NeedsModel ? error.note : (error as Error).message;
    const still = error instanceof NeedsModel ? error.files : waiting;
    state.value = {
      kind: 'empty',
      ...(fault === undefined ? {} : { fault }),
      ...(still.length === 0 ? {} : { waiting: still }),
    };
  }
}

const openSample = (): Promise<void> =>
  open((options) => openManifest(new URL('sample/studio.json', document.baseURI), options));

/** Opens files, together with faces that waited for them. */
const openChosen = (files: readonly ChosenFile[], waiting: readonly ChosenFile[]): Promise<void> =>
  open((options) => openFiles([...waiting, ...files], waiting.length > 0 ? files : [], options), waiting);

function close(): void {
  current.value?.stopSaving();
  current.value?.session.close();
  state.value = { kind: 'empty' };
  go({ view: 'overview' });
}

/** What `arcface studio` serves is opened at once; a plain host has nothing to open. */
async function begin(): Promise<void> {
  const manifest = new URL('studio.json', document.baseURI);
  const answer = await fetch(manifest).then(
    (response) => (response.ok ? response.json() : {}),
    () => ({}),
  );
  // What a program serves ends with it.
  if (!('served' in answer)) keepForOffline();
  if ('audit' in answer) await open((options) => openManifest(manifest, options));
  else state.value = { kind: 'empty' };
}

export function App() {
  const [help, setHelp] = useState(false);
  useEffect(() => {
    void begin();
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== '?' || (event.target as HTMLElement).closest('input, textarea')) return;
      event.preventDefault();
      setHelp(true);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const { value } = state;
  return (
    <>
      <TopBar
        session={current.value?.session}
        saving={current.value?.saving}
        onClose={close}
        onHelp={() => setHelp(true)}
      />
      {value.kind === 'empty' && (
        <StartView
          fault={value.fault}
          waiting={value.waiting !== undefined}
          onFiles={(files) => openChosen(files, value.waiting ?? [])}
          onSample={openSample}
        />
      )}
      {value.kind === 'opening' && <Opening progress={value.progress} />}
      {value.kind === 'open' && <View session={value.session} to={route.value} />}
      {help && <HelpDialog onClose={() => setHelp(false)} />}
    </>
  );
}

function Opening({ progress }: { readonly progress: OpenProgress }) {
  return (
    <main class="opening" id="main" aria-busy="true">
      <h1 class="visually-hidden">Opening</h1>
      <p role="status">{progress.what}…</p>
      <progress
        aria-label={progress.what}
        {...(progress.share === undefined ? {} : { value: progress.share })}
      />
    </main>
  );
}

function titleOf(session: Session, to: Route): string {
  if (to.view !== 'identity')
    return { overview: 'Overview', decisions: 'Decisions', export: 'Export' }[to.view];
  const position = session.positionOf.get(to.label);
  return position === undefined ? 'Identity' : session.nameOf(position);
}

function View({ session, to }: { readonly session: Session; readonly to: Route }) {
  useEffect(() => {
    // Another view begins at its top, however far down the one before was.
    scrollTo(0, 0);
    document.title = `${titleOf(session, to)} – ${session.title} – arcface studio`;
    return () => {
      document.title = 'arcface studio';
    };
  }, [session, to]);
  switch (to.view) {
    case 'overview':
      return <OverviewView session={session} />;
    case 'identity':
      return <IdentityView session={session} label={to.label} />;
    case 'decisions':
      return <DecisionsView session={session} />;
    case 'export':
      return <ExportView session={session} />;
  }
}
