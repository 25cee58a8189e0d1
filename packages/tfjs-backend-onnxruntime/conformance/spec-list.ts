// Lists of specs with a reason for each, as files that people keep: `kind | spec | reason` a line, `#` for remarks.

import { readFileSync } from 'node:fs';

export interface SpecLine<Kind extends string> {
  readonly kind: Kind;
  /** The name of a spec; `*` stands for any text. */
  readonly spec: string;
  readonly reason: string;
  matches(name: string): boolean;
}

/** Throws for a line that is not `kind | spec | reason` with one of the kinds. */
export function readSpecList<Kind extends string>(file: URL, kinds: readonly Kind[]): SpecLine<Kind>[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, i): SpecLine<Kind>[] => {
      if (line.trim() === '' || line.startsWith('#')) return [];
      const [given, spec, reason] = line.split(' | ').map((part) => part.trim());
      const kind = kinds.find((candidate) => candidate === given);
      if (kind === undefined || !spec || !reason) {
        const place = `${file.pathname.split('/').at(-1)}:${i + 1}`;
        throw new Error(
          `${place}: expected 'kind | spec | reason', kind one of ${kinds.join(', ')}: ${line}`,
        );
      }
      return [{ kind, spec, reason, matches: matcher(spec) }];
    });
}

function matcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`);
  return (name) => expression.test(name);
}
