/** Space that messages are read into and put together in, used again and again: fresh memory costs more than it. */

/** Heads and small bodies fit into one. */
export const SPACE = 4 * 1024;
/** For the body of a message as long as it comes: of 1 MB, in a fourth of the calls that 64 KiB take. */
export const LARGE_SPACE = 256 * 1024;

/** Spaces of one size; no more are kept than are in use at a time under load. */
class Spaces {
  readonly #kept: Uint8Array<ArrayBuffer>[] = [];

  constructor(readonly size: number, readonly keptMax: number) {}

  take(): Uint8Array<ArrayBuffer> {
    return this.#kept.pop() ?? new Uint8Array(this.size);
  }

  give(space: Uint8Array<ArrayBuffer>): void {
    if (this.#kept.length < this.keptMax) this.#kept.push(space);
  }
}

const small = new Spaces(SPACE, 256);
const large = new Spaces(LARGE_SPACE, 32);

/** At least `size` bytes of whatever was there before. */
export function takeSpace(size: number): Uint8Array<ArrayBuffer> {
  if (size <= SPACE) return small.take();
  return size <= LARGE_SPACE ? large.take() : new Uint8Array(size);
}

/** Nobody reads or writes it any more. */
export function giveSpace(space: Uint8Array<ArrayBuffer>): void {
  if (space.length === SPACE) small.give(space);
  else if (space.length === LARGE_SPACE) large.give(space);
}
