/** An admission whose gate the test opens and shuts, and which counts its permits. */
import type { Admission, AdmitOptions, Permit } from "../activator/admission.ts";
import { ModelAsleep } from "../activator/errors.ts";

export class FakeAdmission implements Admission {
  /** Permits that were given and not given back. */
  inFlight = 0;
  /** Every ask, in order. */
  readonly asked: AdmitOptions[] = [];
  /** Endpoints that refused, in order. */
  readonly refused: string[] = [];
  readonly #waiters = new Set<PromiseWithResolvers<Permit>>();
  #turn = 0;

  /** Endpoints are given in turn; none: the gate is closed. */
  constructor(readonly model: string, public endpoints: readonly string[] = []) {}

  get pending(): number {
    return this.#waiters.size;
  }

  isOpen(): boolean {
    return this.endpoints.length > 0;
  }

  admit(options: AdmitOptions): Permit | Promise<Permit> {
    options.signal.throwIfAborted();
    this.asked.push(options);
    if (this.isOpen()) return this.#permit(undefined);
    if (options.coldStart === "never") throw new ModelAsleep(this.model, "asleep");
    const waiter = Promise.withResolvers<Permit>();
    this.#waiters.add(waiter);
    options.signal.addEventListener("abort", () => {
      this.#waiters.delete(waiter);
      waiter.reject(options.signal.reason);
    }, { once: true });
    return waiter.promise;
  }

  /** Opens the gate: those who wait have waited `waitedMs`. */
  open(endpoints: readonly string[], waitedMs = 1_000): void {
    this.endpoints = endpoints;
    for (const waiter of this.#waiters) waiter.resolve(this.#permit(waitedMs));
    this.#waiters.clear();
  }

  /** Refuses everyone who waits. */
  fail(error: Error): void {
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }

  #permit(coldStartMs: number | undefined): Permit {
    const endpoint = this.endpoints[this.#turn++ % this.endpoints.length]!;
    let held = true;
    this.inFlight++;
    return {
      endpoint,
      coldStartMs,
      refused: () => {
        this.refused.push(endpoint);
        this.endpoints = this.endpoints.filter((other) => other !== endpoint);
      },
      [Symbol.dispose]: () => {
        if (held) this.inFlight--;
        held = false;
      },
    };
  }
}
