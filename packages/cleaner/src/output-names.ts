import type { Decision } from './decide.ts';
import type { Audit } from './score.ts';

/** Names of the output's identities by new label, where they have names; a second person is named after the folder they were found in. */
export function outputNames(
  { identities }: Pick<Audit, 'identities'>,
  { identitiesKept }: Pick<Decision, 'identitiesKept'>,
): Map<number, string> {
  return new Map(
    identitiesKept.flatMap(({ position, person }, label) => {
      const { name } = identities[position]!;
      return name === undefined ? [] : [[label, person === 0 ? name : `${name} (${person + 1})`] as const];
    }),
  );
}
