/** What went wrong, for programs; the message says it for people. */
export type OnnxFormatErrorCode =
  /** Bytes that are not an ONNX model: cut short, lying lengths, wrong wire types, values that do not fit a shape. */
  | 'invalid-file'
  /** A well-formed file that uses something this package does not read, such as values in another file. */
  | 'unsupported'
  /** A model to be written that contradicts itself, or is larger than the format can hold. */
  | 'invalid-model';

/** The one error class of this package. */
export class OnnxFormatError extends Error {
  override readonly name = 'OnnxFormatError';
  readonly code: OnnxFormatErrorCode;
  /** Byte offset of the fault, for faults in files. */
  readonly offset: number | undefined;

  constructor(code: OnnxFormatErrorCode, message: string, details: { offset?: number } = {}) {
    super(message);
    this.code = code;
    this.offset = details.offset;
  }
}
