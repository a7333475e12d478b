/**
 * Every model as it is now, kept up to date for whoever listens: all of them at first, then those that differ from what
 * this listener was sent last, at most once a second. While nobody listens nothing is computed.
 */
import type { Clock } from "../platform/clock.ts";
import type { ModelView } from "./model_view.ts";

export interface ModelsListener {
  /** All of them: at first, and when there are others than before. */
  models(views: readonly ModelView[]): void;
  changed(views: readonly ModelView[]): void;
}

const PERIOD_MS = 1_000;
/** Time up and time freed grow all day: they are news by the tenth of an hour, as they are shown. */
const SHOWN_SECONDS = 360;
/** A deadline that moved by less is the same one, measured again. */
const MOVED_MS = 500;

/** A view without what only the passing of time changes. */
interface Print {
  readonly text: string;
  /** When it sleeps, or may be tried again; 0: never. */
  readonly dueMs: number;
}

export class LiveModels {
  readonly #sent = new Map<ModelsListener, Map<string, Print>>();
  #timer: Disposable | undefined;

  constructor(readonly views: () => readonly ModelView[], readonly clock: Clock) {}

  listen(listener: ModelsListener): Disposable {
    const views = this.views();
    this.#sent.set(listener, this.#prints(views));
    listener.models(views);
    if (!this.#timer) this.#again();
    return {
      [Symbol.dispose]: () => {
        this.#sent.delete(listener);
        if (this.#sent.size > 0) return;
        this.#timer?.[Symbol.dispose]();
        this.#timer = undefined;
      },
    };
  }

  #again(): void {
    this.#timer = this.clock.timer(PERIOD_MS, () => {
      this.#again();
      const views = this.views();
      const prints = this.#prints(views);
      for (const [listener, sent] of [...this.#sent]) {
        // One that was told before it may have ended it.
        if (!this.#sent.has(listener)) continue;
        this.#sent.set(listener, prints);
        tell(listener, views, prints, sent);
      }
    });
  }

  #prints(views: readonly ModelView[]): Map<string, Print> {
    const nowMs = this.clock.nowMs();
    return new Map(views.map((view) => [view.name, printOf(view, nowMs)]));
  }
}

function tell(
  listener: ModelsListener,
  views: readonly ModelView[],
  prints: ReadonlyMap<string, Print>,
  sent: ReadonlyMap<string, Print>,
): void {
  if (prints.size !== sent.size || views.some(({ name }) => !sent.has(name))) {
    return listener.models(views);
  }
  const changed = views.filter(({ name }) => differ(prints.get(name)!, sent.get(name)!));
  if (changed.length > 0) listener.changed(changed);
}

function differ(a: Print, b: Print): boolean {
  return a.text !== b.text || Math.abs(a.dueMs - b.dueMs) >= MOVED_MS;
}

function printOf(view: ModelView, nowMs: number): Print {
  const dueSeconds = view.sleepsInSeconds ?? view.failure?.retryInSeconds ?? 0;
  return {
    text: JSON.stringify(view, withoutTime),
    dueMs: dueSeconds > 0 ? nowMs + dueSeconds * 1_000 : 0,
  };
}

function withoutTime(key: string, value: unknown): unknown {
  if (key === "sleepsInSeconds" || key === "retryInSeconds") return value === null ? null : 0;
  return key === "upSeconds" || key === "freedSeconds"
    ? Math.floor(Number(value) / SHOWN_SECONDS)
    : value;
}
