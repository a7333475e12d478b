/**
 * Tells every change of state with its reason, one line each. A model that is used goes from active to
 * idle and back with every request: `idle` is told once it has lasted, and `active` only after it.
 */
import type { Log } from "../telemetry/log.ts";
import type { State } from "./state.ts";
import { timesOf } from "./wake_phases.ts";

/** Told of every change that is announced; `was` is the state before it. */
export type StateListener = (state: State, was: State) => void;

export class Announcer {
  #told: State;

  constructor(readonly log: Log, state: State, readonly onChange: StateListener = () => {}) {
    this.#told = state;
  }

  /** `was` is the state before it. */
  announce(state: State, was: State): void {
    const lasting = state.name !== "idle" || state.measuring || this.#told.name !== "active";
    if (state.name === this.#told.name || !lasting) return;
    const { name, reason, sinceMs } = state;
    const after = `${((sinceMs - this.#told.sinceMs) / 1000).toFixed(1)}s`;
    const phases = was.name === "waking" ? timesOf(was.phases, sinceMs) : undefined;
    const fields = { was: this.#told.name, after, reason, phases };
    this.#told = state;
    this.onChange(state, was);
    if (state.name === "failed") {
      const retryIn = `${Math.round((state.deadlineMs - sinceMs) / 1000)}s`;
      this.log.error(name, { ...fields, kind: state.failure.kind, retryIn });
    } // A sleep that was refused, or that nobody knows the end of: somebody may have to see to it.
    else if (state.name === "unknown") this.log.warn(name, fields);
    else this.log.info(name, fields);
  }
}
