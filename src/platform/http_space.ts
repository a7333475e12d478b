/** Space that messages are read into and put together in, used again and again: fresh memory costs more than it. */

/** Heads and small bodies fit into one. */
export const SPACE = 4 * 1024;
/** More than are in use at a time are not kept. */
const KEPT_MAX = 256;

const kept: Uint8Array<ArrayBuffer>[] = [];

/** At least `size` bytes of whatever was there before. */
export function takeSpace(size: number): Uint8Array<ArrayBuffer> {
  return size <= SPACE && kept.pop() || new Uint8Array(Math.max(size, SPACE));
}

/** Nobody reads or writes it any more. */
export function giveSpace(space: Uint8Array<ArrayBuffer>): void {
  if (space.length === SPACE && kept.length < KEPT_MAX) kept.push(space);
}

/** For the body of a message as long as it comes. */
export const LARGE_SPACE = 64 * 1024;
const LARGE_KEPT_MAX = 64;

const keptLarge: Uint8Array<ArrayBuffer>[] = [];

export function takeLargeSpace(): Uint8Array<ArrayBuffer> {
  return keptLarge.pop() ?? new Uint8Array(LARGE_SPACE);
}

/** Nobody reads or writes it any more; of another size, it is forgotten. */
export function giveLargeSpace(space: Uint8Array<ArrayBuffer>): void {
  if (space.length === LARGE_SPACE && keptLarge.length < LARGE_KEPT_MAX) keptLarge.push(space);
}
