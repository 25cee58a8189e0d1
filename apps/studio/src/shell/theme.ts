/** Light, dark, or as the system is. Remembered. */
import { effect, signal } from '@preact/signals';

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const PLACE = 'arcface-studio-theme';

function remembered(): Theme {
  try {
    return THEMES.find((each) => each === localStorage.getItem(PLACE)) ?? 'auto';
  } catch {
    return 'auto';
  }
}

export const theme = signal<Theme>(remembered());

export function applyTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
    try {
      localStorage.setItem(PLACE, theme.value);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
  });
}
