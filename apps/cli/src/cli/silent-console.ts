/** The console of a process that is one of several which do the same: another one says it. */
import { Writable } from 'node:stream';
import { Console } from './console.ts';
import { Progress } from './progress.ts';

export class SilentConsole extends Console {
  override log(): void {}

  override progress(title: string, options: { readonly total: number; readonly unit: string }): Progress {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    return new Progress(title, options, nowhere);
  }

  override result(): void {}
}
