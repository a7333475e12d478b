/**
 * The one AbortController of a request: aborted when its client leaves, and when an attempt to send it
 * is given up. `AbortSignal.any` would hold on to every request for as long as the server's signal lives.
 */
export class Cancellation {
  #controller = new AbortController();
  #left = false;

  /** `client` aborts when the client has gone. */
  constructor(client: AbortSignal) {
    if (client.aborted) this.leave(client.reason);
    else client.addEventListener("abort", () => this.leave(client.reason), { once: true });
  }

  /** For whatever the request waits for next; ask again after {@link giveUp}. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** True once the client has gone. */
  get left(): boolean {
    return this.#left;
  }

  /** The client has gone: nothing more is done for it. */
  leave(reason?: unknown): void {
    this.#left = true;
    this.#controller.abort(reason);
  }

  /** Ends what is under way now; the request itself may go on. */
  giveUp(): void {
    this.#controller.abort();
    if (!this.#left) this.#controller = new AbortController();
  }
}
