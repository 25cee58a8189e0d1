/** The few drawings that the interface uses. All are decoration: words stand beside them, or a label on what holds them. */
import type { ComponentChildren } from 'preact';

function Icon({ children, filled = false }: { children: ComponentChildren; filled?: boolean }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      aria-hidden="true"
      fill={filled ? 'currentColor' : 'none'}
      stroke={filled ? 'none' : 'currentColor'}
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      {children}
    </svg>
  );
}

/** Three centres, one of them dominant. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="12" cy="14" r="9" class="logo-main" />
      <circle cx="24" cy="9" r="4" class="logo-side" />
      <circle cx="23" cy="24" r="5" class="logo-side" />
    </svg>
  );
}

/** Outlines in a square of 24 by 24, for drawing on a canvas, too. */
export const CHECK_PATH = 'M5 12.5l4.5 4.5L19 7.5';
export const CROSS_PATH = 'M6.5 6.5l11 11M17.5 6.5l-11 11';
export const ARROW_PATH = 'M4 12h15M13 6l6 6-6 6';

export const CheckIcon = () => (
  <Icon>
    <path d={CHECK_PATH} />
  </Icon>
);
export const CrossIcon = () => (
  <Icon>
    <path d={CROSS_PATH} />
  </Icon>
);
export const ArrowIcon = () => (
  <Icon>
    <path d={ARROW_PATH} />
  </Icon>
);
export const UndoIcon = () => (
  <Icon>
    <path d="M8 5L4 9l4 4M4 9h10a5.5 5.5 0 010 11h-4" />
  </Icon>
);
export const NextIcon = () => (
  <Icon>
    <path d="M9 5l7 7-7 7" />
  </Icon>
);
export const BackIcon = () => (
  <Icon>
    <path d="M15 5l-7 7 7 7" />
  </Icon>
);
export const HelpIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M9.5 9.5a2.5 2.5 0 114 2c-1 .8-1.5 1.2-1.5 2.5M12 17v.01" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M20 14.5A8.5 8.5 0 119.5 4a7 7 0 0010.5 10.5z" />
  </Icon>
);
export const AutoIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8.5" />
    <path d="M12 3.5v17a8.5 8.5 0 000-17z" fill="currentColor" />
  </Icon>
);
export const FolderIcon = () => (
  <Icon>
    <path d="M3 7.5V18a2 2 0 002 2h14a2 2 0 002-2V9a2 2 0 00-2-2h-7L10 4.5H5a2 2 0 00-2 2z" />
  </Icon>
);
export const FileIcon = () => (
  <Icon>
    <path d="M6 3h8l4 4v14H6zM14 3v4h4" />
  </Icon>
);
export const FaceIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M9 10v.01M15 10v.01M8.5 14.5a4.5 4.5 0 007 0" />
  </Icon>
);
