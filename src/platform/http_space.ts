/** Space that a message is put together in before it is written, used again and again: fresh memory costs more than it. */

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
