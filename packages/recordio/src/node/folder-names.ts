/**
 * Names of folders for identities. What a dataset says its people are called may be anything, also `../..`; only what
 * is a plain name on every operating system becomes a folder, the others go by their label.
 */
import type { FaceIdentity } from '../face-dataset.ts';

/** Characters that some operating system does not have in names, and those that separate folders. */
const FORBIDDEN = /[/\\:*?"<>|\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u;
/** Names that mean devices to Windows, whatever their extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;
const MAX_NAME_BYTES = 200;

function isPlainName(name: string): boolean {
  return (
    name !== '' &&
    !FORBIDDEN.test(name) &&
    !/^[.\s~-]|[.\s]$/.test(name) &&
    !DEVICE.test(name) &&
    new TextEncoder().encode(name).length <= MAX_NAME_BYTES
  );
}

/**
 * A folder name for each identity, all different also where case does not count: its own name if it is plain and nobody
 * else has it, else its label with zeros before it.
 *
 * @param reserved - names that none of them may be
 * @returns the names in the order of the identities, and how many identities with a name had to go by their label
 */
export function folderNames(
  identities: readonly Pick<FaceIdentity, 'label' | 'name'>[],
  reserved: readonly string[],
): { readonly names: readonly string[]; readonly renamed: number } {
  const fold = (name: string): string => name.normalize('NFC').toLowerCase();
  const uses = new Map<string, number>(reserved.map((name) => [fold(name), 1]));
  for (const { name } of identities) {
    if (name !== undefined && isPlainName(name)) {
      uses.set(fold(name), (uses.get(fold(name)) ?? 0) + 1);
    }
  }
  const digits = String(identities.reduce((largest, { label }) => Math.max(largest, label), 0)).length;
  let renamed = 0;
  const taken = new Set(uses.keys());
  const names = identities.map(({ label, name }) => {
    if (name !== undefined && isPlainName(name) && uses.get(fold(name)) === 1) {
      return name;
    }
    renamed += name === undefined ? 0 : 1;
    let folder = String(label).padStart(digits, '0');
    while (taken.has(folder)) {
      folder = `_${folder}`;
    }
    taken.add(folder);
    return folder;
  });
  return { names, renamed };
}
