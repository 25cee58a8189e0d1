/** Files and folders that are dropped onto the page, or chosen, with their paths. */
import type { ChosenFile } from '../session/chosen-files.ts';

export function chosenFiles(list: FileList): ChosenFile[] {
  return Array.from(list, (file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Walks through dropped folders. */
export async function droppedFiles(items: DataTransferItemList): Promise<ChosenFile[]> {
  // Entries must be taken before the event is over.
  const entries = Array.from(items, (item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files: ChosenFile[] = [];
  for (const entry of entries) await walk(entry, entry.name, files);
  return files;
}

async function walk(entry: FileSystemEntry, path: string, into: ChosenFile[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    into.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives a hundred entries at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return;
    for (const each of some) await walk(each, `${path}/${each.name}`, into);
  }
}
