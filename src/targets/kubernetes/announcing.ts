/** Our own announcement as our watch shows it: once seen, it must stay, or another gateway has vetoed it. */
export class Announcing implements Disposable {
  #token: string | undefined;
  #wasSeen = false;
  readonly #vetoed = new AbortController();

  constructor(readonly onEnd: () => void) {}

  /** Aborts when the announcement with this token has been taken away. */
  watch(token: string): AbortSignal {
    this.#token = token;
    return this.#vetoed.signal;
  }

  /** What the watch shows now. */
  seen(token: string | undefined): void {
    if (this.#token === undefined) return;
    if (token === this.#token) this.#wasSeen = true;
    else if (this.#wasSeen) this.#vetoed.abort(new Error("another gateway uses it"));
  }

  [Symbol.dispose](): void {
    this.onEnd();
  }
}
