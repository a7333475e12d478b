/** Reads a request's body once, bounded in size, in memory of all and in time without a byte. */
import type { Clock } from "../platform/clock.ts";
import { type AnyBody, bodyOf } from "../platform/http_body.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import type { ByteBudget, Lease } from "./budget.ts";
import { RequestError } from "./request_error.ts";

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
 * The body of `request`; disposing it returns its share of the budget and its memory, so that `bytes` is empty. A
 * refusal does not wait for a client that is still sending: the server reads on behind its answer, so that the client
 * gets to see it.
 * @throws RequestError `request_too_large`, `request_timeout`, `overloaded`; what the connection
 * breaks with if the client leaves
 */
export async function readBody(
  request: ServerRequest,
  options: ReadBodyOptions,
): Promise<HeldBody> {
  const { budget, max } = options;
  const announced = Number(request.headers.get("content-length")) || 0;
  if (announced > max) throw tooLarge(max);
  const lease = budget.take();
  try {
    const bytes = request.body
      ? await collect(request.body, announced, lease, options)
      : new Uint8Array();
    return {
      bytes,
      [Symbol.dispose]() {
        lease[Symbol.dispose]();
        // Given back now: V8 may see nothing to collect for half a minute after the last request.
        if (bytes.length > 0) bytes.buffer.transfer(0);
      },
    };
  } catch (error) {
    lease[Symbol.dispose]();
    throw error;
  }
}

/** Into one piece, of which no more is charged than has come. */
async function collect(
  body: AnyBody,
  announced: number,
  lease: Lease,
  { max, timeoutMs, clock }: ReadBodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const piece = new Piece(announced, max, lease);
  const chunks = bodyOf(body);
  const stop = () => chunks.cancel();
  using silence = new Silence(timeoutMs, clock, stop);
  try {
    for (;;) {
      const chunk = await chunks.read();
      if (silence.isOver) throw tooSlow(timeoutMs);
      if (!chunk) return piece.bytes();
      piece.append(chunk);
      silence.end();
    }
  } catch (error) {
    stop();
    throw error;
  }
}

/** What has come of a body so far. */
class Piece {
  #buffer = new ArrayBuffer();
  #size = 0;

  constructor(readonly announced: number, readonly max: number, readonly lease: Lease) {}

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer.transfer(this.#size));
  }

  append(chunk: Uint8Array<ArrayBuffer>): void {
    const before = this.#size;
    const size = before + chunk.length;
    if (size > this.max) throw tooLarge(this.max);
    this.lease.grow(chunk.length);
    if (size > this.#buffer.byteLength) this.#grow(size);
    new Uint8Array(this.#buffer).set(chunk, before);
    this.#size = size;
  }

  /**
   * All that was announced once a sixteenth has come, since every step is a copy; but a stranger's announcement alone
   * is not believed.
   */
  #grow(size: number): void {
    const { announced } = this;
    const room = announced >= size && announced <= 16 * size ? announced : 2 * size;
    this.#buffer = this.#buffer.transfer(Math.min(room, this.max));
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
