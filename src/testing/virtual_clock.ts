/**
 * Time that moves only when told: {@link VirtualClock.advance} fires due timers in order and lets every
 * promise that they settle run on before the next one.
 */
import type { Clock } from "../platform/clock.ts";

interface VirtualTimer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Lets promises that can go on do so; `rounds` bounds the longest chain of `await`s followed. */
export async function settle(rounds = 24): Promise<void> {
  for (let i = 0; i < rounds; i++) await undefined;
}

export class VirtualClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #timers = new Set<VirtualTimer>();

  /** `rounds`: how long the chains of `await`s are that are followed between two moments. */
  constructor(
    startMs = 0,
    readonly epochMs = Date.UTC(2026, 0, 1),
    readonly rounds?: number,
  ) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.epochMs + this.#nowMs;
  }

  timer(delayMs: number, callback: () => void): Disposable {
    if (delayMs === Infinity) return { [Symbol.dispose]() {} };
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** When the next timer fires, in ms of this clock; `Infinity` if none is set. */
  get nextMs(): number {
    return this.#next()?.atMs ?? Infinity;
  }

  /** Moves time on by `ms`, firing what falls due in order of time, then of setting. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle(this.rounds);
    for (let next = this.#next(); next && next.atMs <= untilMs; next = this.#next()) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
      await settle(this.rounds);
    }
    this.#nowMs = untilMs;
  }

  /** Sets the time without firing anything, also backwards: what a broken clock would do. */
  jump(toMs: number): void {
    this.#nowMs = toMs;
  }

  #next(): VirtualTimer | undefined {
    let next: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (
        !next || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order)
      ) next = timer;
    }
    return next;
  }
}
