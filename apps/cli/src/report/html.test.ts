import { describe, expect, it } from 'vitest';
import { escapeHtml, html } from './html.ts';

describe('html', () => {
  it('escapes what is put in, and leaves HTML alone', () => {
    const name = `<img src=x onerror="alert('1')">&`;
    expect(html`<p title="${name}">${[html`<b>${1}</b>`, name]}</p>`.text).toBe(
      '<p title="&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;&#38;"><b>1</b>&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;&#38;</p>',
    );
  });

  it('lets no character through that could open a tag, an attribute or an entity, and loses none', () => {
    const everything = String.fromCharCode(...Array.from({ length: 0x800 }, (_, code) => code));
    const escaped = escapeHtml(everything);
    expect(escaped.replaceAll(/&#\d+;/g, '')).not.toMatch(/[&<>"']/);
    expect(escaped.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))).toBe(everything);
  });
});
