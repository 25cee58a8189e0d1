/** The empty page: what this is, and how to begin. */
import { useRef, useState } from 'preact/hooks';
import type { ChosenFile } from '../session/chosen-files.ts';
import { FaceIcon, FileIcon, FolderIcon, Logo } from '../shell/icons.tsx';
import { chosenFiles, droppedFiles } from './drop-files.ts';

export interface StartViewProps {
  readonly fault: string | undefined;
  /** Faces were chosen, and wait for an audit or for something to make one with. */
  readonly waiting: boolean;
  readonly onFiles: (files: readonly ChosenFile[]) => void;
  readonly onSample: () => void;
}

export function StartView({ fault, waiting, onFiles, onSample }: StartViewProps) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const choose = (input: HTMLInputElement): void => {
    const chosen = input.files === null ? [] : chosenFiles(input.files);
    // The same files may be chosen again, once they have been mended.
    input.value = '';
    if (chosen.length > 0) onFiles(chosen);
  };
  return (
    <main class="start" id="main">
      <Logo />
      <h1>See what would be dropped. Then decide.</h1>
      <p class="lead">
        Face datasets from the web are full of wrong labels. An audit says which faces look like strangers
        among their identity; here you look at them, keep, drop or move them, and write the cleaned dataset.
        Everything happens in this browser: nothing is uploaded.
      </p>
      <section
        aria-label="Open"
        class={`drop-zone ${over ? 'over' : ''}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={async (event) => {
          event.preventDefault();
          setOver(false);
          if (event.dataTransfer !== null) onFiles(await droppedFiles(event.dataTransfer.items));
        }}
      >
        <p>Drop an audit with its dataset here, or</p>
        <div class="buttons">
          <button type="button" class="primary" onClick={onSample}>
            <FaceIcon /> Try the sample
          </button>
          <button type="button" onClick={() => files.current?.click()}>
            <FileIcon /> Open files…
          </button>
          <button type="button" onClick={() => folder.current?.click()}>
            <FolderIcon /> Open a folder…
          </button>
        </div>
        <input
          ref={files}
          type="file"
          multiple
          class="visually-hidden"
          tabIndex={-1}
          aria-label="Files to open"
          onChange={({ currentTarget }) => choose(currentTarget)}
        />
        <input
          ref={(element) => {
            folder.current = element;
            element?.setAttribute('webkitdirectory', '');
          }}
          type="file"
          class="visually-hidden"
          tabIndex={-1}
          aria-label="Folder to open"
          onChange={({ currentTarget }) => choose(currentTarget)}
        />
      </section>
      {waiting && (
        <div class="waiting" role="status">
          <p>
            <b>These faces have no audit yet.</b> Add one (<code>audit.jsonl</code>), or let it be made here:
            add a network (<code>.onnx</code>, <code>.safetensors</code>, or MXNet's two files) or saved
            embeddings (<code>.npy</code>).
          </p>
          <button type="button" class="primary" onClick={() => files.current?.click()}>
            <FileIcon /> Add files…
          </button>
        </div>
      )}
      {fault !== undefined && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <ol class="steps">
        <li>
          <b>Audit</b> your faces on the command line:
          <code>arcface audit --data faces --model face.onnx --output audit.jsonl</code>
        </li>
        <li>
          <b>Open</b> the audit here with its faces: a <code>train.rec</code> with its <code>.idx</code>, or
          the folder of folders. Or let <code>arcface studio --data faces --audit audit.jsonl</code> do it.
        </li>
        <li>
          <b>Look</b> at the most suspicious identities, decide with <kbd>k</kbd> <kbd>d</kbd> <kbd>r</kbd>,
          and <b>export</b>.
        </li>
      </ol>
    </main>
  );
}
