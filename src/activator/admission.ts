/** What a request sees of the activator: ask to be admitted, hold the permit to the last byte. */

export interface AdmitOptions {
  /** Aborted when the client has gone: the waiter leaves its queue, the wake goes on. */
  readonly signal: AbortSignal;
  /** `never`: a model that is not up answers `ModelAsleep` at once and is not woken. */
  readonly coldStart?: "wait" | "never";
  /** This request's own limit on waiting, in ms; `ColdStartTimeout` when it runs out. */
  readonly timeoutMs?: number;
  /** It is no request: none is served by it. */
  readonly forNobody?: boolean;
}

/** The right to send one request to `endpoint`. Disposing it twice is the same as once. */
export interface Permit extends Disposable {
  /** Base URL to send to. */
  readonly endpoint: string;
  /** How long this request waited for the model to start, in ms; undefined if the gate was open. */
  readonly coldStartMs: number | undefined;
  /**
   * The endpoint refused the connection before it took a byte: it is taken out and probed. Dispose
   * this permit and ask for a new one; the request waits again.
   */
  refused(): void;
}

/** One model, as the data path sees it. */
export interface Admission {
  readonly model: string;
  /** True if `admit` would give a permit now, without waiting. Trust it only within the same tick. */
  isOpen(): boolean;
  /**
   * A permit, at once if there is room, else when the model is up and has room.
   * @throws AdmissionFailure (`errors.ts`), or the signal's reason when the client has gone
   */
  admit(options: AdmitOptions): Permit | Promise<Permit>;
}
