// The specs that this backend is not expected to pass, one a line with a reason, as exclusions.txt has them. The list
// is held to be exact: a line whose specs pass, or that means no spec, is as wrong as a failure that no line tells of.

import { readFileSync } from 'node:fs';

/** `lacks`: asks for what the backend refuses by name. `differs`: the backend has it, and does it otherwise. */
export type ExclusionKind = 'lacks' | 'differs';

export interface Exclusion {
  readonly kind: ExclusionKind;
  /** The name of a spec; `*` stands for any text. */
  readonly spec: string;
  readonly reason: string;
  matches(name: string): boolean;
}

const file = new URL('./exclusions.txt', import.meta.url);

function matcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('.*')}$`);
  return (name) => expression.test(name);
}

/** Reads exclusions.txt. Throws for a line that is not `kind | spec | reason`. */
export function readExclusions(): Exclusion[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, i): Exclusion[] => {
      if (line.trim() === '' || line.startsWith('#')) return [];
      const [kind, spec, reason] = line.split(' | ').map((part) => part.trim());
      if ((kind !== 'lacks' && kind !== 'differs') || !spec || !reason) {
        throw new Error(
          `exclusions.txt:${i + 1}: expected 'lacks | spec | reason' or 'differs | ...': ${line}`,
        );
      }
      return [{ kind, spec, reason, matches: matcher(spec) }];
    });
}
