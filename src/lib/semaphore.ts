/** So many at a time, in order of arrival. */

export class Semaphore {
  #free: number;
  readonly #waiters = new Set<() => void>();

  constructor(max: number) {
    this.#free = max;
  }

  /** A place; disposing it lets the next one in. Rejects with the signal's reason. */
  async take(signal?: AbortSignal): Promise<Disposable> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#wait(signal);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (held) this.#giveBack();
        held = false;
      },
    };
  }

  async #wait(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#waiters.delete(resolve);
      reject(signal!.reason);
    };
    this.#waiters.add(resolve);
    signal?.addEventListener("abort", leave, { once: true });
    await promise.finally(() => signal?.removeEventListener("abort", leave));
  }

  #giveBack(): void {
    const [next] = this.#waiters;
    if (!next) {
      this.#free++;
      return;
    }
    this.#waiters.delete(next);
    next();
  }
}
