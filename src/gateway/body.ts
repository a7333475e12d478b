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

/** What a client whose body is refused may still send, so that it reads the answer. */
const DISCARD_MAX_MS = 5_000;
const DISCARD_MAX_BYTES = 64 * 2 ** 20;

/**
 * The body of `request`; disposing it returns its share of the budget.
 * @throws RequestError `request_too_large`, `request_timeout`, `overloaded`; what the connection
 * breaks with if the client leaves
 */
export async function readBody(request: Request, options: ReadBodyOptions): Promise<HeldBody> {
  const { budget, max } = options;
  const length = Number(request.headers.get("content-length") ?? 0);
  const lease = budget.take();
  try {
    if (length > max) throw tooLarge(max);
    lease.grow(length);
    const bytes = request.body ? await collect(request.body, length, lease, options) : EMPTY;
    return { bytes, [Symbol.dispose]: () => lease[Symbol.dispose]() };
  } catch (error) {
    lease[Symbol.dispose]();
    if (error instanceof RequestError && request.body && !request.body.locked) {
      await discard(request.body.getReader(), options.clock);
    }
    throw error;
  }
}

const EMPTY = new Uint8Array();

async function collect(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  announced: number,
  lease: Lease,
  { max, timeoutMs, clock }: ReadBodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  using watch = new Watch(timeoutMs, clock);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    while (true) {
      const { done, value } = await watch.next(reader.read());
      if (done) return chunks.length === 1 ? chunks[0]! : concat(chunks, size);
      size += value.length;
      if (size > max) throw tooLarge(max);
      if (size > announced) lease.grow(Math.min(value.length, size - announced));
      chunks.push(value);
    }
  } catch (error) {
    if (error instanceof RequestError) await discard(reader, clock);
    throw error;
  }
}

/** Time without a byte: one timer for the whole body, set again when it finds that bytes have come. */
class Watch implements Disposable {
  #lastMs: number;
  #timer: Disposable;
  readonly #late = Promise.withResolvers<never>();

  constructor(readonly timeoutMs: number, readonly clock: Clock) {
    this.#lastMs = clock.nowMs();
    this.#timer = clock.timer(timeoutMs, () => this.#check());
    this.#late.promise.catch(() => {});
  }

  async next<T>(read: Promise<T>): Promise<T> {
    const value = await Promise.race([read, this.#late.promise]);
    this.#lastMs = this.clock.nowMs();
    return value;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #check(): void {
    const leftMs = this.#lastMs + this.timeoutMs - this.clock.nowMs();
    if (leftMs > 0) {
      this.#timer = this.clock.timer(leftMs, () => this.#check());
      return;
    }
    const seconds = this.timeoutMs / 1000;
    this.#late.reject(
      new RequestError(
        "request_timeout",
        `The request's body did not go on for ${seconds} s (bodyTimeout)`,
      ),
    );
  }
}

/**
 * Reads on for a bounded while and throws it away: a client that is still sending sees a closed
 * connection before it sees the answer that says why.
 */
async function discard(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  clock: Clock,
): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  using _limit = clock.timer(DISCARD_MAX_MS, () => resolve(undefined));
  for (let size = 0; size < DISCARD_MAX_BYTES;) {
    const read = await Promise.race([reader.read().catch(() => undefined), late]);
    if (!read?.value) break;
    size += read.value.length;
  }
  await Promise.race([reader.cancel().catch(() => {}), late]);
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function tooLarge(max: number): RequestError {
  return new RequestError(
    "request_too_large",
    `The request's body is larger than ${max} bytes (bodyMax)`,
  );
}
