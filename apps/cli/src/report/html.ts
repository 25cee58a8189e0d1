/**
 * HTML as text that cannot be injected into: everything put into an `html` template is escaped unless it is HTML itself.
 * File names, identity names and keys come from other people's data and end up in reports.
 */

/** Text that is HTML already. Made by {@link html}; make one yourself only of constants. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

export type HtmlValue = Html | string | number | readonly HtmlValue[];

/** A template whose values are escaped; HTML inside HTML stays what it is, lists are joined. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts.map((part, i) => (i === 0 ? '' : rendered(values[i - 1]!)) + part).join(''));
}

function rendered(value: HtmlValue): string {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(rendered).join('');
  return escapeHtml(String(value));
}

/** For text and for attributes in either kind of quotes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
