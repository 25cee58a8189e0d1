// Everything that this backend refuses or that ONNX Runtime refuses on its behalf is thrown as one error
// class, with a code for programs and a message for people: what was expected, what was found, and what to do.

/** Why the backend refused; `op` on the error names the tfjs kernel when there is one. */
export type OnnxRuntimeBackendErrorCode =
  | 'unsupported-dtype'
  | 'unsupported-kernel'
  | 'unsupported-attribute'
  | 'unknown-tensor'
  | 'invalid-option'
  | 'runtime-unavailable'
  | 'provider-unavailable'
  | 'compilation-failed'
  | 'run-failed'
  | 'out-of-memory';

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
