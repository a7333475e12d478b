/**
 * The queue and the permits of one model. A closed gate is capacity zero, not an error: requests queue,
 * in order, and nobody asks "is it awake?". The breaker decides nothing; `activation.ts` sets its gate.
 */
import type { Clock } from "../platform/clock.ts";
import type { AdmitOptions, Permit } from "./admission.ts";
import { type Endpoint, Endpoints } from "./endpoints.ts";
import { ColdStartTimeout, Overloaded } from "./errors.ts";
import type { Demand } from "./state.ts";

export interface BreakerLimits {
  readonly pendingMax: number;
  /** 0: no limit. */
  readonly inFlightMax: number;
  /** How long a request waits for a slot while the gate is open. */
  readonly pendingTimeoutMs: number;
}

export type Gate =
  | { readonly kind: "open"; readonly endpoints: readonly string[] }
  /** Who has waited longer than `maxMs` gets `error`. */
  | { readonly kind: "hold"; readonly maxMs: number; readonly error: () => Error }
  | { readonly kind: "shut"; readonly error: () => Error };

export interface Waiter {
  readonly arrivedMs: number;
  /** It met a closed gate, or the gate was closed while it waited: its wait is a cold start. */
  cold: boolean;
  grant(permit: Permit): void;
  refuse(error: unknown): void;
}

export interface BreakerOptions {
  readonly model: string;
  readonly limits: BreakerLimits;
  readonly clock: Clock;
  /** Called after pending or in-flight requests came to be, or to an end. */
  readonly onDemand: () => void;
  /** Called when an endpoint refused a connection. */
  readonly onRefused: (endpoint: string) => void;
  /** Whether what the gate was opened upon still holds, asked before each permit; `release` when it does again. */
  readonly isFenced: () => boolean;
  /** What the model is doing, for whoever waits no longer; undefined: nothing that is known. */
  readonly progress: () => string | undefined;
}

export class Breaker {
  limits: BreakerLimits;
  /** Requests that got a permit, and were not refused by who it was for. */
  served = 0;
  #gate: Gate = { kind: "hold", maxMs: Infinity, error: () => new Error("unreachable") };
  /** Since when the gate is open, or held for what it is held for. */
  #sinceMs = 0;
  #inFlight = 0;
  /** In order of arrival. */
  protected readonly waiters = new Set<Waiter>();
  readonly #endpoints = new Endpoints();
  #timer: Disposable | undefined;
  #timerMs = Infinity;

  constructor(protected readonly options: BreakerOptions) {
    this.limits = options.limits;
  }

  get demand(): Demand {
    return { pending: this.waiters.size, inFlight: this.#inFlight };
  }

  /** True if a request that came now would get its permit at once. */
  get hasRoom(): boolean {
    return this.waiters.size === 0 && this.#canGrant;
  }

  get #canGrant(): boolean {
    return this.#gate.kind === "open" && this.#hasSlot && !this.options.isFenced();
  }

  get #hasSlot(): boolean {
    return this.limits.inFlightMax === 0 || this.#inFlight < this.limits.inFlightMax;
  }

  setGate(gate: Gate): void {
    if (gate.kind === "open") {
      this.#endpoints.replace(gate.endpoints);
    }
    const goesOn = gate.kind === "open" && this.#gate.kind === "open";
    if (!goesOn) this.#sinceMs = this.options.clock.nowMs();
    this.#gate = gate;
    if (gate.kind === "hold") { for (const waiter of this.waiters) waiter.cold = true; }
    if (gate.kind === "shut") this.#refuseAll(gate.error);
    this.release();
  }

  /** A permit if there is room now, in order: nobody overtakes a waiter. */
  acquire(options: AdmitOptions): Permit | Promise<Permit> {
    options.signal.throwIfAborted();
    if (this.#gate.kind === "shut") throw this.#gate.error();
    if (this.hasRoom) {
      const permit = this.#permit(undefined);
      this.#count(options);
      this.#changed(this.#inFlight === 1);
      return permit;
    }
    if (this.waiters.size >= this.limits.pendingMax) {
      throw new Overloaded(
        this.options.model,
        `Cannot queue for model '${this.options.model}': ${this.waiters.size} requests wait already (pendingMax)`,
      );
    }
    return this.#wait(options);
  }

  /** Refuses everyone who waits. */
  refuseWaiters(error: () => Error): void {
    this.#refuseAll(error);
    this.#changed(true);
  }

  /** Who is served next: the one who came first. */
  protected next(): Waiter | undefined {
    const [first] = this.waiters;
    return first;
  }

  /** Gives permits to the first who wait while there is room. */
  release(): void {
    const had = this.#inFlight;
    for (let waiter = this.next(); waiter; waiter = this.next()) {
      if (!this.#canGrant) break;
      this.waiters.delete(waiter);
      waiter.grant(this.#permit(waiter));
    }
    this.#arm();
    this.#changed(this.#inFlight > had);
  }

  #wait(options: AdmitOptions): Promise<Permit> {
    const { clock } = this.options;
    const { promise, resolve, reject } = Promise.withResolvers<Permit>();
    const gone = () => waiter.refuse(options.signal.reason);
    const waiter: Waiter = {
      arrivedMs: clock.nowMs(),
      cold: this.#gate.kind !== "open",
      grant: (permit) => {
        this.#count(options);
        settle(() => resolve(permit));
      },
      refuse: (error) => {
        this.waiters.delete(waiter);
        settle(() => reject(error));
        this.#changed(this.waiters.size === 0);
      },
    };
    const limit = options.timeoutMs === undefined
      ? undefined
      : clock.timer(options.timeoutMs, () => waiter.refuse(this.#tooLong(options.timeoutMs!)));
    const settle = (outcome: () => void) => {
      limit?.[Symbol.dispose]();
      options.signal.removeEventListener("abort", gone);
      outcome();
    };
    options.signal.addEventListener("abort", gone);
    this.waiters.add(waiter);
    this.#arm();
    this.#changed(this.waiters.size === 1);
    return promise;
  }

  #count({ forNobody }: AdmitOptions): void {
    if (!forNobody) this.served++;
  }

  #permit(waiter: Waiter | undefined): Permit {
    const endpoint = this.#endpoints.take();
    this.#inFlight++;
    const coldStartMs = waiter?.cold ? this.options.clock.nowMs() - waiter.arrivedMs : undefined;
    return this.permit(endpoint, coldStartMs);
  }

  protected permit(endpoint: Endpoint, coldStartMs: number | undefined): Permit {
    let held = true;
    return {
      endpoint: endpoint.url,
      coldStartMs,
      refused: () => {
        this.served--;
        this.options.onRefused(endpoint.url);
      },
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.giveBack(endpoint);
      },
    };
  }

  protected giveBack(endpoint: Endpoint): void {
    endpoint.inFlight--;
    this.#inFlight--;
    if (this.waiters.size > 0) this.release();
    this.#changed(this.#inFlight === 0);
  }

  #refuseAll(error: () => Error): void {
    for (const waiter of this.waiters) waiter.refuse(error());
  }

  #changed(edge: boolean): void {
    if (edge) this.options.onDemand();
  }

  /** When the first waiter's time is up; those behind it came later. */
  #dueMs(): number {
    const first = this.next();
    if (!first) return Infinity;
    const { kind } = this.#gate;
    const maxMs = kind === "hold" ? this.#gate.maxMs : this.limits.pendingTimeoutMs;
    return Math.max(first.arrivedMs, this.#sinceMs) + maxMs;
  }

  /** One timer for the queue; one that fires early is set again, so that most waits set none. */
  #arm(): void {
    const dueMs = this.#dueMs();
    if (dueMs >= this.#timerMs) return;
    this.#timer?.[Symbol.dispose]();
    this.#timerMs = dueMs;
    this.#timer = this.options.clock.timer(dueMs - this.options.clock.nowMs(), () => {
      this.#timerMs = Infinity;
      this.#expire();
    });
  }

  #expire(): void {
    while (this.#dueMs() <= this.options.clock.nowMs()) {
      this.next()!.refuse(this.#gate.kind === "hold" ? this.#gate.error() : this.#noSlot());
    }
    this.#arm();
  }

  #noSlot(): Overloaded {
    const { inFlightMax, pendingTimeoutMs } = this.limits;
    const { model } = this.options;
    const limit = `within ${pendingTimeoutMs / 1000} s`;
    return new Overloaded(
      model,
      this.#hasSlot
        ? `Cannot tell ${limit} whether other gateways have stopped model '${model}'`
        : `No free slot at model '${model}' ${limit} (${inFlightMax} requests at once: inFlightMax)`,
    );
  }

  #tooLong(timeoutMs: number): ColdStartTimeout {
    const { model, progress } = this.options;
    const limit = `Model '${model}' was not ready within the ${
      timeoutMs / 1000
    } s that this request may wait`;
    const doing = progress();
    return new ColdStartTimeout(model, doing ? `${limit}; ${doing}` : limit);
  }

  /** Shuts the gate for good and lets the timer go. */
  close(error: () => Error): void {
    this.setGate({ kind: "shut", error });
    this.#timer?.[Symbol.dispose]();
  }
}
