/** The console of a process that is one of several which do the same: another one says it. */
import { Writable } from 'node:stream';
import { Console } from './console.ts';
import { Progress, type ProgressOptions } from './progress.ts';

export class SilentConsole extends Console {
  override log(): void {}

  override progress(title: string, options: ProgressOptions): Progress {
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    return new Progress(title, options, nowhere);
  }

  override result(): void {}
}
