/** Reads a request's body once, bounded in size, in memory of all and in time without a byte. */
import type { Clock } from "../platform/clock.ts";
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
      ? await collect(request.body.getReader(), announced, lease, options)
      : new Uint8Array();
    return { bytes, [Symbol.dispose]: () => lease[Symbol.dispose]() };
  } catch (error) {
    lease[Symbol.dispose]();
    throw error;
  }
}

/**
 * Into one piece, of which no more is charged than has come. Chunks are copied and let go of at once:
 * one of a single byte keeps 64 KiB of the server's alive (Deno 2.9).
 */
async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  announced: number,
  lease: Lease,
  { max, timeoutMs, clock }: ReadBodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const stop = () => void reader.cancel().catch(() => {});
  using silence = new Silence(timeoutMs, clock, stop);
  let buffer = new ArrayBuffer();
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (silence.isOver) throw tooSlow(timeoutMs);
      if (done) return new Uint8Array(buffer.transfer(size));
      silence.end();
      const end = size + value.length;
      if (end > max) throw tooLarge(max);
      lease.grow(value.length);
      if (end > buffer.byteLength) buffer = buffer.transfer(roomFor(end, announced, max));
      new Uint8Array(buffer).set(value, size);
      size = end;
    }
  } catch (error) {
    stop();
    throw error;
  }
}

/**
 * How large the buffer becomes that must hold `size` bytes: all that was announced once an eighth has
 * come, since every step is a copy; but a stranger's announcement alone is not believed.
 */
function roomFor(size: number, announced: number, max: number): number {
  return announced >= size && announced <= 8 * size ? announced : Math.min(2 * size, max);
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
