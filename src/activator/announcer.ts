/**
 * Tells every change of state with its reason, one line each. A model that is used goes from active to
 * idle and back with every request: `idle` is told once it has lasted, and `active` only after it. Where a model
 * is at zero again, how long it was up is told, and how many requests it served.
 */
import type { Log } from "../telemetry/log.ts";
import type { State } from "./state.ts";
import { timesOf } from "./wake_phases.ts";

/** Told of every change that is announced; `was` is the state before it. */
export type StateListener = (state: State, was: State) => void;

export interface AnnouncerOptions {
  readonly log: Log;
  readonly onChange: StateListener | undefined;
  /** How many requests were served so far. */
  readonly served: () => number;
}

export class Announcer {
  #told: State;
  /** Since it came up: when that was, and what had been served before. */
  #up: { readonly sinceMs: number; readonly served: number } | undefined;

  constructor(readonly options: AnnouncerOptions, state: State) {
    this.#told = state;
  }

  /** `was` is the state before it. */
  announce(state: State, was: State): void {
    const { log, onChange, served } = this.options;
    const { name, reason, sinceMs } = state;
    if (name === "active" || name === "idle") this.#up ??= { sinceMs, served: served() };
    // A wake that failed ends what was before it, and is no sleep.
    else if (name === "failed") this.#up = undefined;
    const lasting = name !== "idle" || state.measuring || this.#told.name !== "active";
    if (name === this.#told.name || !lasting) return;
    const fields = {
      state: name,
      was: this.#told.name,
      after: inSeconds(sinceMs - this.#told.sinceMs),
      reason,
      phases: was.name === "waking" ? timesOf(was.phases, sinceMs) : undefined,
      ...(name === "asleep" ? this.#wasUp(sinceMs) : {}),
    };
    this.#told = state;
    onChange?.(state, was);
    if (name === "failed") {
      const retryIn = `${Math.round((state.deadlineMs - sinceMs) / 1000)}s`;
      log.error(name, { ...fields, kind: state.failure.kind, retryIn });
    } // A sleep that was refused, or that nobody knows the end of: somebody may have to see to it.
    else if (name === "unknown") log.warn(name, fields);
    else log.info(name, fields);
  }

  /** Nothing of one that was never seen up. */
  #wasUp(nowMs: number): { up?: string; served?: number } {
    const up = this.#up;
    this.#up = undefined;
    if (!up) return {};
    return { up: inSeconds(nowMs - up.sinceMs), served: this.options.served() - up.served };
  }
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)}s`;
}
