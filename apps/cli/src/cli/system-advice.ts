/** What to do about errors of the operating system, which say only what has happened. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC:
    'The disk is full. Nothing half-written was put in place; make room and run again (--resume goes on, where there is one).',
  EDQUOT:
    'Your quota of disk space is used up. Make room and run again (--resume goes on, where there is one).',
  EACCES: 'You may not read or write there. Change the permissions, or choose another place.',
  EROFS: 'That file system is read-only. Choose another place.',
  EMFILE: 'Too many files are open. Raise the limit: ulimit -n 4096.',
};

/** The message of whatever was thrown, with what to do behind it where the operating system is the cause. */
export function messageWithAdvice(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  const advice = Object.keys(ADVICE).find((name) => code === name || error.message.includes(`${name}:`));
  return advice === undefined ? error.message : `${error.message}. ${ADVICE[advice]}`;
}
