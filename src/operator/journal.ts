/** What has happened lately: the last wakes, each model's states, and a stream of every change for whoever listens. */
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

/** A model's states since this gateway's start; `active` lasts through `idle` and back: it was up. */
export interface ModelHistory {
  readonly name: string;
  /** The earliest first. */
  readonly changes: readonly Omit<Change, "model" | "was">[];
  readonly lastWake: Wake | null;
}

export interface JournalListener {
  changed(change: Change): void;
  woke(wake: Wake): void;
}

const WAKES_MAX = 200;
/** Of one model: 50 wakes and sleeps. */
const CHANGES_MAX = 200;
const DAY_MS = 24 * 3_600_000;

interface Kept {
  readonly changes: { readonly atMs: number; readonly state: string; readonly reason: string }[];
  lastWake: Wake | null;
}

export class Journal {
  readonly #wakes: Wake[] = [];
  readonly #kept = new Map<string, Kept>();
  readonly #startedMs: number;
  readonly #listeners = new Set<JournalListener>();

  constructor(readonly clock: Clock) {
    this.#startedMs = clock.nowMs();
  }

  /** The latest first. */
  get wakes(): readonly Wake[] {
    return this.#wakes.toReversed();
  }

  /** From when on it knows what was: its start, or a day ago. */
  get since(): string {
    return momentOf(Math.max(this.#startedMs, this.clock.nowMs() - DAY_MS), this.clock);
  }

  history(name: string): ModelHistory {
    const { changes, lastWake } = this.#kept.get(name) ?? { changes: [], lastWake: null };
    return {
      name,
      changes: changes.slice(expired(changes, this.clock.nowMs())).map((
        { atMs, state, reason },
      ) => ({ at: momentOf(atMs, this.clock), state, reason })),
      lastWake,
    };
  }

  listen(listener: JournalListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  changed(model: string, state: State, was: State): void {
    const { reason, sinceMs, name } = state;
    const kept = this.#keep(model, state, was);
    const change = { model, at: momentOf(sinceMs, this.clock), state: name, was: was.name, reason };
    for (const listener of [...this.#listeners]) listener.changed(change);
    if (was.name !== "waking") return;
    const wake = kept.lastWake = {
      ...{ model, began: momentOf(was.sinceMs, this.clock), ended: name, reason },
      seconds: seconds(sinceMs - was.sinceMs),
      phases: phasesOf(was.phases, sinceMs),
    };
    this.#wakes.push(wake);
    if (this.#wakes.length > WAKES_MAX) this.#wakes.shift();
    for (const listener of [...this.#listeners]) listener.woke(wake);
  }

  #keep(model: string, { name, reason, sinceMs: atMs }: State, was: State): Kept {
    let kept = this.#kept.get(model);
    if (!kept) this.#kept.set(model, kept = { changes: [], lastWake: null });
    if (isUp(name) && isUp(was.name)) return kept;
    const { changes } = kept;
    changes.push({ atMs, state: name, reason });
    const old = Math.max(expired(changes, atMs), changes.length - CHANGES_MAX);
    if (old > 0) changes.splice(0, old);
    return kept;
  }
}

function isUp(state: string): boolean {
  return state === "active" || state === "idle";
}

/** How many of `changes` say nothing about the last day; the state at its beginning is said by the one before it. */
function expired(changes: Kept["changes"], nowMs: number): number {
  const first = changes.findIndex(({ atMs }) => atMs > nowMs - DAY_MS);
  return Math.max(0, (first < 0 ? changes.length : first) - 1);
}
