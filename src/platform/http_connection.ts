/**
 * One TCP connection: what was read of it and not used yet, and one write at a time. Reading ahead is how its end is
 * noticed while nobody waits for a byte of it.
 */
import { giveSpace, GROWTH, LARGE_SPACE, SPACE, takeSpace } from "./http_space.ts";

const NO_SPACE = new Uint8Array();
const NO_MORE = Promise.resolve(false);

export class Connection {
  /** Nothing more will come: the other side has ended or broken it, or we closed it. */
  isEnded = false;
  /** It did not end as it should. */
  isBroken = false;
  /** Called once when it has. */
  onEnd: (() => void) | undefined;
  #space: Uint8Array<ArrayBuffer> = NO_SPACE;
  /** What it has while little comes: all that a quiet connection holds. */
  #own: Uint8Array<ArrayBuffer> = NO_SPACE;
  #start = 0;
  #end = 0;
  #filling: Promise<boolean> | undefined;
  #isWatched = false;
  #isClosed = false;

  constructor(readonly socket: Deno.TcpConn) {
    socket.setNoDelay();
  }

  /** What has come and was not taken; good until the next `fill`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#space.subarray(this.#start, this.#end);
  }

  get size(): number {
    return this.#end - this.#start;
  }

  /** The first of `bytes`, at most `max`; good until the next `fill`. */
  take(max: number): Uint8Array<ArrayBuffer> {
    const end = Math.min(this.#end, this.#start + max);
    const taken = this.#space.subarray(this.#start, end);
    this.#start = end;
    return taken;
  }

  /** Takes the first `count` of `bytes`, which are there, without a look at them. */
  skip(count: number): void {
    this.#start += count;
  }

  /** Waits for more bytes; false if there will be none. Whoever asks while somebody waits, waits for the same ones. */
  fill(): Promise<boolean> {
    if (this.isEnded) return NO_MORE;
    return this.#filling ??= this.#fill();
  }

  #fill(): Promise<boolean> {
    this.#makeRoom();
    return this.socket.read(this.#space.subarray(this.#end)).then(this.#filled, this.#broken);
  }

  readonly #filled = (count: number | null): boolean => {
    this.#filling = undefined;
    if (count === null) {
      this.isEnded = true;
      this.onEnd?.();
      return false;
    }
    this.#end += count;
    return true;
  };

  readonly #broken = (): boolean => {
    this.isBroken = true;
    return this.#filled(null);
  };

  #makeRoom(): void {
    const { length } = this.#space;
    const isFull = this.#end === length;
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      if (length === 0) this.#space = this.#own = new Uint8Array(SPACE);
      else if (isFull && length < LARGE_SPACE) this.#exchange(takeSpace(GROWTH * length));
    } else if (isFull && this.#start > 0) {
      this.#exchange(this.#space);
    } else if (isFull) {
      this.#exchange(takeSpace(length < LARGE_SPACE ? GROWTH * length : 2 * length));
    }
  }

  /** Goes on in `space`, with what is left, from its beginning. */
  #exchange(space: Uint8Array<ArrayBuffer>): void {
    const before = this.#space;
    space.set(this.bytes);
    this.#end -= this.#start;
    this.#start = 0;
    this.#space = space;
    if (before !== space && before !== this.#own) giveSpace(before);
  }

  /** Gives back what a large message needed. */
  shrink(): void {
    if (this.size > 0 || this.#filling || this.#space.length <= SPACE) return;
    giveSpace(this.#space);
    this.#space = this.#own;
  }

  /** Reads ahead as long as there is room, until `unwatch`: so is an end noticed that nobody waits for. */
  watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    void this.#readAhead();
  }

  unwatch(): void {
    this.#isWatched = false;
  }

  async #readAhead(): Promise<void> {
    while (this.#isWatched && this.size < SPACE && await this.fill());
  }

  /** Resolves once the system has all of them. @throws if the connection is broken */
  write(bytes: Uint8Array): Promise<void> {
    return this.socket.write(bytes).then((count) =>
      count < bytes.length ? this.write(bytes.subarray(count)) : undefined
    );
  }

  /** Nothing more will be written. */
  async end(): Promise<void> {
    await this.socket.closeWrite().catch(() => {});
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Both directions, at once: who reads sees its end. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.socket.close();
  }
}
