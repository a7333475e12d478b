/** One request whose response is complete, for the metrics; every text is bounded by the configuration, none is a client's. */
export interface RequestRecord {
  /** `""` if it was resolved to no model. */
  readonly model: string;
  readonly status: number;
  /** The code of the gateway's own error, told in the answer or in its stream. */
  readonly code: string | undefined;
  /** How long it waited for its model to start; undefined if it did not. */
  readonly coldStartMs: number | undefined;
  /** From its arrival to the response's headers. */
  readonly headersMs: number;
  /** From its arrival until its response was complete. */
  readonly durationMs: number;
}
