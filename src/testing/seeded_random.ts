/** Chance that can be replayed: mulberry32, a 32-bit generator that is good enough for simulations. */
import type { Random } from "../platform/random.ts";

export class SeededRandom implements Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  uuid(): string {
    const hex = () => Math.floor(this.next() * 2 ** 32).toString(16).padStart(8, "0");
    const digits = hex() + hex() + hex() + hex();
    return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, "$1-$2-4$3-8$4-$5");
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.next() < p;
  }

  /** Uniform in [`from`, `to`). */
  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** Exponential with mean `mean`: the time to the next of many independent events. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }
}
