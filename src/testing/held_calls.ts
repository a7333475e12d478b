/** Calls to a target of an explored world: each waits until the world says how it ends. */

interface HeldCall<Op> {
  readonly op: Op;
  readonly done: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class HeldCalls<Op extends string> {
  #calls: HeldCall<Op>[] = [];

  /** What is being asked, first come first. */
  get asked(): readonly Op[] {
    return this.#calls.map(({ op }) => op);
  }

  /** Resolves with what `done` returns, if it comes to that; rejects with the signal's reason. */
  call<T>(op: Op, signal: AbortSignal, done: () => unknown): Promise<T> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const call: HeldCall<Op> = { op, done, resolve: resolve as (result: unknown) => void, reject };
    this.#calls.push(call);
    signal.addEventListener("abort", () => {
      this.#calls = this.#calls.filter((other) => other !== call);
      reject(signal.reason);
    });
    return promise;
  }

  /** The oldest is done, and the caller hears of it. */
  answer(): void {
    const { done, resolve } = this.#calls.shift()!;
    resolve(done());
  }

  /** The caller hears `result` instead. */
  answerWith(result: unknown): void {
    this.#calls.shift()!.resolve(result);
  }

  /** The caller hears nothing, whether it was done or not. */
  lose(isDone: boolean): void {
    const { done, reject } = this.#calls.shift()!;
    if (isDone) done();
    reject(new Error("no route"));
  }
}
