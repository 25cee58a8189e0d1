/** The bar at the top: what is open, the views, and what is about the page itself. */
import type { ReadonlySignal } from '@preact/signals';
import type { SaveState } from '../decisions/autosave.ts';
import type { Session } from '../session/session.ts';
import { AutoIcon, CrossIcon, HelpIcon, Logo, MoonIcon, SunIcon } from './icons.tsx';
import { addressOf, type Route, route } from './route.ts';
import { THEMES, theme } from './theme.ts';

const SAVING: Readonly<Record<SaveState, string>> = {
  saved: 'Saved',
  saving: 'Saving…',
  failed: 'Not saved: export your decisions',
};

export interface TopBarProps {
  readonly session: Session | undefined;
  readonly saving: ReadonlySignal<SaveState> | undefined;
  readonly onClose: () => void;
  readonly onHelp: () => void;
}

export function TopBar({ session, saving, onClose, onHelp }: TopBarProps) {
  return (
    <header class="top-bar">
      <a class="skip" href={addressOf(route.value)} onClick={focusMain}>
        Skip to the content
      </a>
      <span class="brand">
        <Logo />
        <b>arcface studio</b>
      </span>
      {session !== undefined && (
        <>
          <span class="opened" title={session.title}>
            <span class="opened-title">{session.title}</span>
            <button type="button" class="quiet" aria-label={`Close ${session.title}`} onClick={onClose}>
              <CrossIcon />
            </button>
          </span>
          <Views session={session} />
        </>
      )}
      <span class="bar-end">
        {saving !== undefined && (
          <span class={`saving saving-${saving.value}`} role="status">
            {SAVING[saving.value]}
          </span>
        )}
        {session?.masked && <span class="masked">Faces blurred</span>}
        <ThemeButton />
        <button type="button" class="quiet" aria-label="Help (?)" onClick={onHelp}>
          <HelpIcon />
        </button>
      </span>
    </header>
  );
}

function focusMain(event: MouseEvent): void {
  event.preventDefault();
  const main = document.getElementById('main');
  main?.setAttribute('tabindex', '-1');
  main?.focus();
}

function Views({ session }: { readonly session: Session }) {
  const { view } = route.value;
  const worst = session.columns.identities[session.suspicion.order[0]!]!.label;
  const views: readonly (readonly [string, Route])[] = [
    ['Overview', { view: 'overview' }],
    ['Identity', route.value.view === 'identity' ? route.value : { view: 'identity', label: worst }],
    ['Decisions', { view: 'decisions' }],
    ['Export', { view: 'export' }],
  ];
  const decided = session.book.version.value >= 0 ? session.book.all.size : 0;
  return (
    <nav aria-label="Views">
      {views.map(([title, to]) => (
        <a key={to.view} href={addressOf(to)} aria-current={to.view === view ? 'page' : undefined}>
          {title}
          {to.view === 'decisions' && decided > 0 && <span class="counter">{decided}</span>}
        </a>
      ))}
    </nav>
  );
}

function ThemeButton() {
  const { value } = theme;
  const next = THEMES[(THEMES.indexOf(value) + 1) % THEMES.length]!;
  return (
    <button
      type="button"
      class="quiet"
      aria-label={`Theme: ${value}. Change to ${next}`}
      onClick={() => {
        theme.value = next;
      }}
    >
      {value === 'auto' ? <AutoIcon /> : value === 'light' ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}
