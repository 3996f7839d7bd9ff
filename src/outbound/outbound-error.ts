/** Why there is no answer from an address that a stranger chose, in words of ours that may be shown. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  /** Whether asking again later may help. */
  readonly isTransient: boolean;
  constructor(problem: string, options: ErrorOptions & { readonly isTransient: boolean }) {
    super(problem, options);
    this.isTransient = options.isTransient;
  }
}

export function refused(problem: string): OutboundError {
  return new OutboundError(problem, { isTransient: false });
}

export function transient(problem: string, cause?: unknown): OutboundError {
  return new OutboundError(problem, { isTransient: true, cause });
}
