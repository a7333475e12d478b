/** Waiting for what others bring about: a condition is looked at now, and again at each piece of news. */

export class News {
  readonly #waiters = new Set<() => void>();

  /** Something has changed. */
  tell(): void {
    for (const look of [...this.#waiters]) look();
  }

  /** Resolves when `holds`. Rejects with the signal's reason. */
  async until(holds: () => boolean, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (holds()) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (holds()) resolve();
    };
    const leave = () => reject(signal!.reason);
    this.#waiters.add(look);
    signal?.addEventListener("abort", leave, { once: true });
    await promise.finally(() => {
      this.#waiters.delete(look);
      signal?.removeEventListener("abort", leave);
    });
  }
}
