/** What went wrong, for programs; the message says it for people. */
export type BackbonesErrorCode =
  /** An option, preset name or image batch that this package cannot work with. */
  | 'invalid-option'
  /** A network whose layers do not fit together: unknown inputs, impossible shapes. */
  | 'invalid-graph'
  /** Bytes that are not what their format demands: cut short, lying lengths, wrong magic numbers. */
  | 'invalid-file'
  /** A well-formed file that uses something this package does not read: a sparse array, an unknown operator. */
  | 'unsupported'
  /** Names that a network lacks or has no use for. */
  | 'parameter-names'
  /** An array whose shape is not that of the parameter it is for. */
  | 'parameter-shape'
  /** A network that was used after `dispose()`. */
  | 'disposed';

/** The one error class of this package. */
export class BackbonesError extends Error {
  override readonly name = 'BackbonesError';
  readonly code: BackbonesErrorCode;
  /** Byte offset of the fault, for faults in files. */
  readonly offset: number | undefined;

  constructor(code: BackbonesErrorCode, message: string, details: { offset?: number } = {}) {
    super(message);
    this.code = code;
    this.offset = details.offset;
  }
}
