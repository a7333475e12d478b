/** What has happened lately: the last wakes, and a stream of every change of state for whoever listens. */
import type { State } from "../activator/state.ts";
import type { Clock } from "../platform/clock.ts";
import { momentOf, phasesOf, seconds } from "./model_view.ts";

export interface Change {
  readonly model: string;
  readonly at: string;
  readonly state: string;
  readonly was: string;
  readonly reason: string;
}

export interface Wake {
  readonly model: string;
  readonly began: string;
  readonly seconds: number;
  /** The state that it ended in, e.g. `active` or `failed`. */
  readonly ended: string;
  readonly reason: string;
  readonly phases: Readonly<Record<string, number>>;
}

const WAKES_MAX = 200;

export class Journal {
  readonly #wakes: Wake[] = [];
  readonly #listeners = new Set<(change: Change) => void>();

  constructor(readonly clock: Clock) {}

  /** The latest first. */
  get wakes(): readonly Wake[] {
    return this.#wakes.toReversed();
  }

  listen(listener: (change: Change) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  changed(model: string, state: State, was: State): void {
    const { reason, sinceMs, name } = state;
    if (was.name === "waking") {
      this.#wakes.push({
        ...{ model, began: momentOf(was.sinceMs, this.clock), ended: name, reason },
        seconds: seconds(sinceMs - was.sinceMs),
        phases: phasesOf(was.phases, sinceMs),
      });
      if (this.#wakes.length > WAKES_MAX) this.#wakes.shift();
    }
    const change = { model, at: momentOf(sinceMs, this.clock), state: name, was: was.name, reason };
    for (const listener of [...this.#listeners]) listener(change);
  }
}
