// The specs that this backend is not expected to pass, as exclusions.txt has them. The list is held to be exact: a line whose
// specs pass, or that means no spec, is as wrong as a failure that no line tells of.

import { readSpecList, type SpecLine } from './spec-list.ts';

/** `lacks`: asks for what the backend refuses by name. `differs`: the backend has it, and does it otherwise. */
export type ExclusionKind = 'lacks' | 'differs';

export type Exclusion = SpecLine<ExclusionKind>;

const kinds: readonly ExclusionKind[] = ['lacks', 'differs'];

/** Reads exclusions.txt. Throws for a line that is not `kind | spec | reason`. */
export function readExclusions(): Exclusion[] {
  return readSpecList(new URL('./exclusions.txt', import.meta.url), kinds);
}
