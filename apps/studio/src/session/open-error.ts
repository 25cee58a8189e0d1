/** Something that the user chose cannot be opened. The message says what and what to do, and is shown as it is. */
export class OpenError extends Error {
  override readonly name = 'OpenError';
}
