/** Reads a request's body once, bounded in size, in memory of all and in time without a byte. */
import type { Clock } from "../platform/clock.ts";
import type { ByteBudget, Lease } from "./budget.ts";
import { RequestError } from "./request_error.ts";

/** Bytes of room for what comes first: of a body of unknown length, and at most. */
const FIRST_SPACE = 4 * 1024;
const FIRST_SPACE_MAX = 64 * 1024;
/** A read of a chunked body that has room for less than the chunk's own head never ends (Deno 2.9). */
const SPACE_MIN = 1024;

export interface HeldBody extends Disposable {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ReadBodyOptions {
  /** Bytes of one body (`server.bodyMax`). */
  readonly max: number;
  /** Without a byte for so long: `request_timeout`. */
  readonly timeoutMs: number;
  readonly budget: ByteBudget;
  readonly clock: Clock;
}

/**
 * The body of `request`; disposing it returns its share of the budget. A refusal does not wait for a
 * client that is still sending: the server reads on behind its answer (Deno 2.9), so that the client
 * gets to see it.
 * @throws RequestError `request_too_large`, `request_timeout`, `overloaded`; what the connection
 * breaks with if the client leaves
 */
export async function readBody(request: Request, options: ReadBodyOptions): Promise<HeldBody> {
  const { budget, max } = options;
  // The same length twice is let through by the server, as "5, 5": then it says nothing.
  const announced = Number(request.headers.get("content-length")) || 0;
  if (announced > max) throw tooLarge(max);
  const lease = budget.take();
  try {
    const bytes = request.body
      ? await collect(request.body, announced, lease, options)
      : new Uint8Array();
    return { bytes, [Symbol.dispose]: () => lease[Symbol.dispose]() };
  } catch (error) {
    lease[Symbol.dispose]();
    throw error;
  }
}

/** Into one piece, of which no more is charged than has come. */
async function collect(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  announced: number,
  lease: Lease,
  { max, timeoutMs, clock }: ReadBodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const piece = new Piece(announced, max, lease);
  const reader = readerInto(piece, body);
  const stop = () => void reader.cancel().catch(() => {});
  using silence = new Silence(timeoutMs, clock, stop);
  try {
    for (;;) {
      const done = await reader.read();
      if (silence.isOver) throw tooSlow(timeoutMs);
      if (done) return piece.bytes();
      silence.end();
    }
  } catch (error) {
    stop();
    throw error;
  }
}

interface PieceReader {
  /** Reads on; true: there was no more. */
  read(): Promise<boolean>;
  cancel(): Promise<void>;
}

/**
 * Straight into the piece where that can be: read otherwise, each chunk comes in 64 KiB of its own, and what is
 * left of those between many small bodies is of no use to anybody (Deno 2.9: 155 KiB for each body of 2 KiB).
 */
function readerInto(piece: Piece, body: ReadableStream<Uint8Array<ArrayBuffer>>): PieceReader {
  const direct = directReader(body);
  if (direct) {
    return {
      async read() {
        const isProbe = piece.isWhole;
        const { done, value } = await direct.read(isProbe ? new Uint8Array(1) : piece.space());
        if (isProbe && !done) piece.append(value);
        // Also what was not written to comes back; not when the body was cancelled.
        else if (!isProbe && value) piece.filled(value);
        return done;
      },
      cancel: () => direct.cancel(),
    };
  }
  const reader = body.getReader();
  return {
    async read() {
      const { done, value } = await reader.read();
      if (!done) piece.append(value);
      return done;
    },
    cancel: () => reader.cancel(),
  };
}

/** Undefined for a body that has come already, with its head: that is no stream of bytes in Deno's eyes. */
function directReader(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}

/** What has come of a body so far. */
class Piece {
  #buffer = new ArrayBuffer();
  #size = 0;

  constructor(readonly announced: number, readonly max: number, readonly lease: Lease) {}

  /** True once all that was announced has come: whether there is more can only be asked. */
  get isWhole(): boolean {
    return this.#size > 0 && this.#size === this.announced;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.transfer(this.#size));
  }

  /** Where the next bytes may be written; whoever reads into it takes it away, and gives it to `filled`. */
  space(): Uint8Array<ArrayBuffer> {
    const least = this.announced > 0 ? 1 : SPACE_MIN;
    const room = this.#buffer.byteLength - this.#size;
    const first = Math.min(this.announced || FIRST_SPACE, FIRST_SPACE_MAX);
    if (room < least) this.#grow(Math.max(this.#size + least, first));
    return new Uint8Array(this.#buffer, this.#size);
  }

  filled({ buffer, length }: Uint8Array<ArrayBuffer>): void {
    this.#buffer = buffer;
    this.#count(length);
  }

  append(chunk: Uint8Array<ArrayBuffer>): void {
    const before = this.#size;
    this.#count(chunk.length);
    if (this.#size > this.#buffer.byteLength) this.#grow(this.#size);
    new Uint8Array(this.#buffer).set(chunk, before);
  }

  #count(length: number): void {
    if (this.#size + length > this.max) throw tooLarge(this.max);
    this.lease.grow(length);
    this.#size += length;
  }

  /**
   * All that was announced once an eighth has come, since every step is a copy; but a stranger's announcement alone
   * is not believed.
   */
  #grow(size: number): void {
    const { announced } = this;
    const room = announced >= size && announced <= 8 * size ? announced : 2 * size;
    // More than may be: that there is more must be seen.
    this.#buffer = this.#buffer.transfer(Math.min(room, this.max + SPACE_MIN));
  }
}

/**
 * Time without a byte: one timer for the whole body, set again when it finds that bytes have come. When
 * it is over it calls `stop`, which ends the pending read.
 */
class Silence implements Disposable {
  isOver = false;
  #sinceMs: number;
  #timer: Disposable;

  constructor(readonly maxMs: number, readonly clock: Clock, readonly stop: () => void) {
    this.#sinceMs = clock.nowMs();
    this.#timer = clock.timer(maxMs, () => this.#check());
  }

  /** A byte has come. */
  end(): void {
    this.#sinceMs = this.clock.nowMs();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #check(): void {
    const leftMs = this.#sinceMs + this.maxMs - this.clock.nowMs();
    if (leftMs > 0) {
      this.#timer = this.clock.timer(leftMs, () => this.#check());
      return;
    }
    this.isOver = true;
    this.stop();
  }
}

function tooSlow(timeoutMs: number): RequestError {
  return new RequestError(
    "request_timeout",
    `The request's body did not go on for ${timeoutMs / 1000} s (bodyTimeout)`,
  );
}

function tooLarge(max: number): RequestError {
  return new RequestError(
    "request_too_large",
    `The request's body is larger than ${max} bytes (bodyMax)`,
  );
}
