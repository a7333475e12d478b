/**
 * Pods that going to zero was to end: ready as they may look, they are not trusted. A wake that follows at
 * once may keep one alive after all, so those that are still there after a while are pardoned.
 */
import type { Clock } from "../../platform/clock.ts";

/**
 * One that is to go is told so by its controllers at once, but news of it may come after news of the
 * next wake.
 */
const KEPT_AFTER_MS = 5_000;

export class Condemned implements Disposable {
  #pods: ReadonlySet<string> = new Set();
  #pardon: Disposable | undefined;

  constructor(readonly clock: Clock, readonly onPardon: () => void) {}

  /** By uid. */
  has(pod: string): boolean {
    return this.#pods.has(pod);
  }

  /** It is at zero, or was told to be: these are to go. */
  add(pods: readonly string[]): void {
    this.#stop();
    if (pods.some((pod) => !this.#pods.has(pod))) this.#pods = new Set([...this.#pods, ...pods]);
  }

  /** It is to be up again: who is still there in a while was kept. */
  pardonSoon(): void {
    if (this.#pods.size === 0) return;
    this.#pardon ??= this.clock.timer(KEPT_AFTER_MS, () => {
      this.#pardon = undefined;
      this.#pods = new Set();
      this.onPardon();
    });
  }

  [Symbol.dispose](): void {
    this.#stop();
  }

  #stop(): void {
    this.#pardon?.[Symbol.dispose]();
    this.#pardon = undefined;
  }
}
