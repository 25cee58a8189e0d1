// Everything that this backend refuses or that ONNX Runtime refuses on its behalf is thrown as one error
// class, with a code for programs and a message for people: what was expected, what was found, and what to do.

/** Why the backend refused; `op` on the error names the tfjs kernel when there is one. */
export type OnnxRuntimeBackendErrorCode =
  /** A dtype that the kernel, or ONNX Runtime, does not have (complex64, say). Cast first. */
  | 'unsupported-dtype'
  /** A tfjs operation that this backend does not have. The table in its README lists those it has. */
  | 'unsupported-kernel'
  /** A kernel with an attribute that it has no lowering for, such as a data format. */
  | 'unsupported-attribute'
  /** What `capture` was given reads numbers, or its result does not follow from its input. Call it without capturing it. */
  | 'not-capturable'
  /** Data of a tensor that this backend does not hold: disposed, or of another backend. */
  | 'unknown-tensor'
  /** An option out of its range. The message says what is allowed. */
  | 'invalid-option'
  /** ONNX Runtime cannot be loaded: its binary is missing for this platform, or two versions are installed. */
  | 'runtime-unavailable'
  /** The execution provider cannot be used here; `checkProvider` says what it lacks. */
  | 'provider-unavailable'
  /** ONNX Runtime refused a graph. `dumpGraph` writes it for a report; this is a fault of the backend. */
  | 'compilation-failed'
  /** ONNX Runtime failed while running a graph; its own words are in the message. */
  | 'run-failed'
  /** There was not enough memory for a graph. Take smaller batches; the message says what else. */
  | 'out-of-memory'
  /** The device that the provider computes on is gone. Start the program again, from its last checkpoint. */
  | 'device-lost';

/** The one error class of this package. */
export class OnnxRuntimeBackendError extends Error {
  override readonly name = 'OnnxRuntimeBackendError';
  readonly code: OnnxRuntimeBackendErrorCode;
  /** The tfjs kernel concerned, e.g. `Conv2D`, when one is known. */
  readonly op: string | undefined;
  /** Where the program called that kernel (`at f (file:line:column)`), when call sites are kept. */
  readonly callSite: string | undefined;

  constructor(
    code: OnnxRuntimeBackendErrorCode,
    message: string,
    details: { op?: string | undefined; callSite?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.op = details.op;
    this.callSite = details.callSite;
  }
}
