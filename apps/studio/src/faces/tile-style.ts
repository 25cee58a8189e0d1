/** The colours and the letters of tiles, as the style sheet gives them at a place of the page. A canvas does not know variables. */

const COLOURS = {
  surface: '--surface',
  sunken: '--sunken',
  text: '--text',
  muted: '--muted',
  accent: '--accent',
  selected: '--accent-soft',
  keep: '--keep',
  drop: '--drop',
} as const;

export type TileStyle = Readonly<Record<keyof typeof COLOURS | 'font', string>>;

/** @param place Where a probe may be added for a moment. */
export function readTileStyle(place: HTMLElement): TileStyle {
  const probe = document.createElement('span');
  probe.className = 'caption';
  place.append(probe);
  const computed = getComputedStyle(probe);
  const font = `${computed.fontSize} ${computed.fontFamily}`;
  const colours = Object.entries(COLOURS).map(([name, variable]) => {
    probe.style.color = `var(${variable})`;
    return [name, computed.color] as const;
  });
  probe.remove();
  return { ...(Object.fromEntries(colours) as Record<keyof typeof COLOURS, string>), font };
}
