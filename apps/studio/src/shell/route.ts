/** Which view is shown: the part of the address behind #, so that back, forward and bookmarks work on any static host. */
import { signal } from '@preact/signals';

export type Route =
  | { readonly view: 'overview' }
  | { readonly view: 'identity'; readonly label: number }
  | { readonly view: 'decisions' }
  | { readonly view: 'export' };

export const route = signal<Route>(parseRoute(globalThis.location?.hash ?? ''));

globalThis.addEventListener?.('hashchange', () => {
  route.value = parseRoute(location.hash);
});

function parseRoute(hash: string): Route {
  const [view, detail] = hash.replace(/^#\/?/, '').split('/');
  if (view === 'identity' && /^\d+$/.test(detail ?? '')) return { view, label: Number(detail) };
  if (view === 'decisions' || view === 'export') return { view };
  return { view: 'overview' };
}

export function addressOf(to: Route): string {
  return to.view === 'identity' ? `#/identity/${to.label}` : `#/${to.view}`;
}

export function go(to: Route): void {
  location.hash = addressOf(to);
}
