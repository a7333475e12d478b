/**
 * Keeps the client of a waiting request from giving up: an answer that does not come soon is begun
 * early, and its body is made of signs of life until the upstream's own bytes come.
 */
import type { Clock } from "../platform/clock.ts";
import { type AnyBody, bodyOf, type HttpBody } from "../platform/http_body.ts";
import { HeaderFields } from "../platform/http_headers.ts";
import type { HttpResponse } from "../platform/http_messages.ts";
import type { Answer } from "./exchange.ts";
import { RequestError } from "./request_error.ts";

export interface KeepAlive {
  readonly clock: Clock;
  readonly arrivedMs: number;
  /** From the request's arrival to the early headers. */
  readonly earlyHeadersAfterMs: number;
  /** Between two signs of life. */
  readonly intervalMs: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The body of an early answer: signs of life, then what `answer` holds. */
  body(answer: Promise<Answer>): AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /** The client has gone. */
  leave(): void;
}

/**
 * The answer that `exchange` comes to, if it comes soon enough or never has to wait; else an early 200.
 * @throws what `exchange` throws, as long as nothing was sent
 */
export async function answerInTime(
  keepAlive: KeepAlive,
  exchange: (onWait: () => void) => Promise<Answer>,
): Promise<Answer | HttpResponse> {
  const { clock, arrivedMs, earlyHeadersAfterMs } = keepAlive;
  const early = Promise.withResolvers<"early">();
  let timer: Disposable | undefined;
  const answer = exchange(() => {
    timer ??= clock.timer(
      arrivedMs + earlyHeadersAfterMs - clock.nowMs(),
      () => early.resolve("early"),
    );
  });
  try {
    const first = await Promise.race([answer, early.promise]);
    if (first !== "early") return first;
  } finally {
    timer?.[Symbol.dispose]();
  }
  answer.catch(() => {}); // Told by the body, which is read later.
  return {
    status: 200,
    headers: new HeaderFields(Object.entries(keepAlive.headers)),
    body: new GeneratedBody(keepAlive.body(answer), () => keepAlive.leave()),
  };
}

/** The answer, or undefined if it has not come within `ms`. */
export async function within<T>(
  answer: Promise<T>,
  ms: number,
  clock: Clock,
): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  using _timer = clock.timer(ms, () => resolve(undefined));
  return await Promise.race([answer, promise]);
}

/** The chunks of `body`; a body that breaks off throws in our words. */
export async function* unbroken(
  body: AnyBody | null,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const chunks = body && bodyOf(body);
  try {
    for (let chunk; (chunk = await chunks?.read());) yield chunk;
  } catch {
    throw new RequestError(
      "upstream_unreachable",
      "The model's server broke the connection in the middle of its answer",
    );
  }
}

/**
 * What `chunks` yields, one at a time as the client takes them: signs of life do not pile up for one that does not read.
 * Cancelling ends the read that waits, and does not wait for the generator.
 */
class GeneratedBody implements HttpBody {
  #isOver = false;
  #stop: ((end: undefined) => void) | undefined;

  /** `cancelled`: called once, if it is cancelled before its end. */
  constructor(
    readonly chunks: AsyncGenerator<Uint8Array<ArrayBuffer>>,
    readonly cancelled: () => void,
  ) {}

  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    const { promise, resolve, reject } = Promise.withResolvers<
      Uint8Array<ArrayBuffer> | undefined
    >();
    this.#stop = resolve;
    this.chunks.next().then(({ done, value }) => {
      this.#isOver ||= done === true;
      resolve(value ?? undefined);
    }, (error) => {
      this.#isOver = true;
      reject(error);
    });
    return promise;
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop?.(undefined);
    this.cancelled();
    void this.chunks.return(undefined).catch(() => {});
  }
}
