/**
 * Every wake as a trace of its own, since it belongs to nobody who waits for it: the span of each wait is linked to
 * the wakes that it waited for, so that a held request can be followed there.
 */
import type { State } from "../activator/state.ts";
import { outcomeOf } from "../activator/wake_phases.ts";
import type { Clock } from "../platform/clock.ts";
import type { Span, Tracer } from "../platform/tracer.ts";

/** The model's name in the configuration, on every span. */
export const MODEL = "vllm_autoscaler.model";
/** How a wait or a wake ended. */
export const OUTCOME = "vllm_autoscaler.outcome";

export class WakeTraces {
  /** Under way, by model. */
  readonly #wakes = new Map<string, Span>();
  /** By model. */
  readonly #waits = new Map<string, Set<Span>>();

  constructor(readonly tracer: Tracer, readonly clock: Clock) {}

  /** A model has changed its state. */
  changed(model: string, state: State, was: State): void {
    if (was.name === "waking" && state.name !== "waking") this.#end(model, state, was);
    if (state.name === "waking" && was.name !== "waking") this.#begin(model, state);
  }

  /** Links `wait` to the wake that is under way, and to each that begins until this is disposed. */
  waiting(model: string, wait: Span): Disposable {
    const wake = this.#wakes.get(model);
    if (wake) wait.link(wake.context);
    const waits = this.#waits.get(model) ?? new Set();
    this.#waits.set(model, waits.add(wait));
    return {
      [Symbol.dispose]: () => {
        waits.delete(wait);
        if (waits.size === 0 && this.#waits.get(model) === waits) this.#waits.delete(model);
      },
    };
  }

  /** The gateway ends: a wake under way goes on without it. */
  close(): void {
    for (const model of this.#wakes.keys()) this.#abandon(model);
  }

  #begin(model: string, { reason }: State): void {
    // One whose model was replaced told nobody how it ended.
    this.#abandon(model);
    const attributes = { [MODEL]: model, "vllm_autoscaler.reason": reason };
    const wake = this.tracer.start("wake", { kind: "internal", parent: undefined, attributes });
    this.#wakes.set(model, wake);
    for (const wait of this.#waits.get(model) ?? []) wait.link(wake.context);
  }

  #end(model: string, state: State, { phases }: Extract<State, { name: "waking" }>): void {
    const wake = this.#wakes.get(model);
    if (!wake) return;
    const behindMs = this.clock.wallMs() - this.clock.nowMs();
    for (const { phase, detail, sinceMs } of phases) {
      wake.event(phase, { detail }, behindMs + sinceMs);
    }
    if (state.name === "failed") {
      wake.set({ "error.type": state.failure.kind });
      wake.fail(state.failure.message);
    }
    this.#finish(model, wake, outcomeOf(state));
  }

  #abandon(model: string): void {
    const wake = this.#wakes.get(model);
    if (wake) this.#finish(model, wake, "abandoned");
  }

  #finish(model: string, wake: Span, outcome: string): void {
    wake.set({ [OUTCOME]: outcome });
    wake.end();
    this.#wakes.delete(model);
  }
}
