/** The clients of the small world: a few requests, each of which must end exactly once, in order. */
import type { Admission, Permit } from "../activator/admission.ts";

export type RequestState = "new" | "waiting" | "flying" | "answered" | "refused" | "gone";

export interface SmallRequest {
  state: RequestState;
  permit?: Permit;
  /** Its place in the order of arrival. */
  order: number;
  readonly controller: AbortController;
}

export interface SmallClientsOptions {
  readonly admission: () => Admission;
  /** A request begins or ends: the model is in use. */
  readonly onUse: () => void;
  readonly onGranted: () => void;
  readonly onBroken: (promise: string) => void;
}

export class SmallClients {
  readonly requests: readonly SmallRequest[];
  #arrived = 0;

  constructor(readonly options: SmallClientsOptions, count: number) {
    this.requests = Array.from({ length: count }, () => ({
      state: "new",
      order: 0,
      controller: new AbortController(),
    }));
  }

  count(state: RequestState): number {
    return this.requests.filter((request) => request.state === state).length;
  }

  arrive(request: SmallRequest): void {
    request.state = "waiting";
    request.order = ++this.#arrived;
    this.options.onUse();
    const granted = (permit: Permit) => this.#granted(request, permit);
    try {
      const permit = this.options.admission().admit({ signal: request.controller.signal });
      if (!(permit instanceof Promise)) return granted(permit);
      permit.then(granted, () => {
        if (request.state === "waiting") request.state = "refused";
      });
    } catch {
      request.state = "refused";
    }
  }

  finish(request: SmallRequest): void {
    request.state = "answered";
    this.giveBack(request);
  }

  abandon(request: SmallRequest): void {
    request.state = "gone";
    request.controller.abort();
    this.giveBack(request);
  }

  /** The connection was refused: the request waits again. */
  refused(request: SmallRequest): void {
    request.permit!.refused();
    this.giveBack(request);
    this.arrive(request);
  }

  /** Disposes the permit twice, as a client that leaves at the last byte would. */
  giveBack(request: SmallRequest): void {
    if (!request.permit) return;
    this.options.onUse();
    request.permit[Symbol.dispose]();
    request.permit[Symbol.dispose]();
    delete request.permit;
  }

  /** All that decides what can happen next. */
  key(): unknown[] {
    const order = this.requests.map(({ order }) => order);
    return [
      this.requests.map(({ state }) => state),
      order.map((place) => place - Math.max(...order)),
    ];
  }

  #granted(request: SmallRequest, permit: Permit): void {
    if (request.state !== "waiting") return permit[Symbol.dispose]();
    const waiting = this.requests.filter(({ state }) => state === "waiting");
    if (waiting.some(({ order }) => order < request.order)) {
      this.options.onBroken("a waiter was overtaken");
    }
    this.options.onGranted();
    request.state = "flying";
    request.permit = permit;
  }
}
