/**
 * A clock whose timers of one delay share one timer of another clock, since they are due in the order in which they were
 * set. Each request sets some that hardly ever go off, and one of the platform's takes 1.5 KB (Deno 2.9.6).
 */
import type { Clock } from "./clock.ts";

/** Delays that settings name are whole and not shorter; of the others hardly two are alike. */
const SHARED_MS_MIN = 1_000;

export function sharingClock(clock: Clock): Clock {
  /** By their delay. */
  const rows = new Map<number, Row>();
  return {
    nowMs: () => clock.nowMs(),
    wallMs: () => clock.wallMs(),
    timer(delayMs, callback) {
      if (!Number.isInteger(delayMs) || delayMs < SHARED_MS_MIN) {
        return clock.timer(delayMs, callback);
      }
      const row = rows.get(delayMs) ?? new Row(delayMs, clock, rows);
      return new SharedTimer(row, callback);
    },
  };
}

class SharedTimer implements Disposable {
  readonly dueMs: number;

  constructor(readonly row: Row, readonly callback: () => void) {
    this.dueMs = row.clock.nowMs() + row.delayMs;
    row.add(this);
  }

  [Symbol.dispose](): void {
    this.row.remove(this);
  }
}

/** Timers of one delay. */
class Row {
  /** The first is due first. */
  readonly #timers = new Set<SharedTimer>();
  #next: Disposable | undefined;

  /** `rows`: all of them by their delay; it is one of them while it has timers. */
  constructor(readonly delayMs: number, readonly clock: Clock, readonly rows: Map<number, Row>) {}

  add(timer: SharedTimer): void {
    this.rows.set(this.delayMs, this);
    this.#timers.add(timer);
    this.#next ??= this.clock.timer(this.delayMs, this.#call);
  }

  remove(timer: SharedTimer): void {
    if (this.#timers.delete(timer)) this.#endIfEmpty();
  }

  readonly #call = (): void => {
    this.#next = undefined;
    const nowMs = this.clock.nowMs();
    for (const timer of this.#timers) {
      if (timer.dueMs > nowMs) {
        this.#next ??= this.clock.timer(timer.dueMs - nowMs, this.#call);
        return;
      }
      this.#timers.delete(timer);
      timer.callback();
    }
    this.#endIfEmpty();
  };

  /** A timer that is left would keep a process that has nothing else to do from its end. */
  #endIfEmpty(): void {
    if (this.#timers.size > 0) return;
    this.#next?.[Symbol.dispose]();
    this.#next = undefined;
    if (this.rows.get(this.delayMs) === this) this.rows.delete(this.delayMs);
  }
}
