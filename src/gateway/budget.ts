/** The bytes of all request bodies that are held at once, bounded (`server.bufferedMax`). */
import { RequestError } from "./request_error.ts";

/** A share of the budget; disposing it gives all of it back. */
export interface Lease extends Disposable {
  /** @throws RequestError `overloaded` if the budget has no room for `bytes` more */
  grow(bytes: number): void;
}

export class ByteBudget {
  #held = 0;

  constructor(readonly max: () => number) {}

  get held(): number {
    return this.#held;
  }

  take(): Lease {
    let mine = 0;
    return {
      grow: (bytes) => {
        if (this.#held + bytes > this.max()) {
          throw new RequestError(
            "overloaded",
            "Too many request bodies wait already (bufferedMax); try again in a moment",
          );
        }
        this.#held += bytes;
        mine += bytes;
      },
      [Symbol.dispose]: () => {
        this.#held -= mine;
        mine = 0;
      },
    };
  }
}
