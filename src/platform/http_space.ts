/** Space that messages are read into and put together in, used again and again: fresh memory costs more than it. */

/** Heads and small bodies fit into one. */
export const SPACE = 4 * 1024;
/** For the body of a message as long as it comes: of 1 MB, in a fourth of the calls that 64 KiB take. */
export const LARGE_SPACE = 256 * 1024;
/** From one size to the next: most prompts fit into the one in the middle. */
export const GROWTH = 8;

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

/** By size, smallest first. */
const ALL = [
  new Spaces(SPACE, 256),
  new Spaces(GROWTH * SPACE, 64),
  new Spaces(LARGE_SPACE, 32),
];

/** At least `size` bytes of whatever was there before. */
export function takeSpace(size: number): Uint8Array<ArrayBuffer> {
  for (const spaces of ALL) if (size <= spaces.size) return spaces.take();
  return new Uint8Array(size);
}

/** Nobody reads or writes it any more. */
export function giveSpace(space: Uint8Array<ArrayBuffer>): void {
  for (const spaces of ALL) if (space.length === spaces.size) spaces.give(space);
}
