/** Bodies of HTTP messages, pulled chunk by chunk: from a connection by their framing, or from a stream. */
import { type Boundary, BrokenBody } from "./http_boundary.ts";
import type { Connection } from "./http_connection.ts";

export interface HttpBody {
  /**
   * The next bytes, good until the next call; undefined when there are no more. One call at a time.
   * @throws if the body breaks off
   */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Nobody reads the rest. */
  cancel(): void;
}

/** A body, or a stream of one. */
export type AnyBody = HttpBody | ReadableStream<Uint8Array<ArrayBuffer>>;

export function bodyOf(body: AnyBody): HttpBody {
  return body instanceof ReadableStream ? new StreamBody(body) : body;
}

/** Nobody reads it. */
export function cancelBody(body: AnyBody | null): void {
  if (body) bodyOf(body).cancel();
}

/** The whole of it as text. @throws if it breaks off */
export async function textOf(body: AnyBody | null): Promise<string> {
  const decoder = new TextDecoder();
  const chunks = body && bodyOf(body);
  let text = "";
  for (;;) {
    const chunk = await chunks?.read();
    if (!chunk) return text + decoder.decode();
    text += decoder.decode(chunk, { stream: true });
  }
}

const SPACE = 16 * 1024;

/**
 * Into one space, again and again, where that can be: read otherwise, each chunk of a body of `fetch` comes in 64 KiB of
 * its own.
 */
class StreamBody implements HttpBody {
  readonly #bytes: ReadableStreamBYOBReader | undefined;
  readonly #chunks: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  #space = new Uint8Array(SPACE);

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    try {
      this.#bytes = stream.getReader({ mode: "byob" });
    } catch {
      this.#chunks = stream.getReader();
    }
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!this.#bytes) return (await this.#chunks!.read()).value;
    const { done, value } = await this.#bytes.read(this.#space);
    if (done) return undefined;
    this.#space = new Uint8Array(value.buffer);
    return value;
  }

  cancel(): void {
    (this.#bytes ?? this.#chunks)!.cancel().catch(() => {});
  }
}

export interface MessageBodyOptions {
  /** All of it has been read; called once. */
  onWhole(): void;
  /** It broke off, or nobody reads the rest: the connection is of no more use, unless it is drained. */
  onCut(): void;
}

/**
 * The body of a message that comes on a connection. Each event of a stream passes here, so it is written without the
 * promises that an `async` function would make of each step.
 */
export class MessageBody implements HttpBody {
  /** What came of it is no body, or ended early: nothing that follows can be told from it. */
  isBroken = false;
  #isOver = false;
  /** Who waits for the next bytes. */
  #reader: PromiseWithResolvers<Uint8Array<ArrayBuffer> | undefined> | undefined;

  constructor(
    readonly connection: Connection,
    readonly boundary: Boundary,
    readonly options: MessageBodyOptions,
  ) {}

  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#isOver) return NOTHING;
    const reader = this.#reader = Promise.withResolvers<Uint8Array<ArrayBuffer> | undefined>();
    this.#goOn();
    return reader.promise;
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#takeReader()?.resolve(undefined);
    this.options.onCut();
  }

  /** Reads to its end, although nobody wants it. @throws as `read` does */
  async drain(): Promise<void> {
    for (;;) {
      const chunk = this.boundary.next(this.connection);
      if (chunk === "end") return;
      if (!chunk && !await this.connection.fill()) return this.#checkEnd();
    }
  }

  #goOn(): void {
    try {
      const chunk = this.boundary.next(this.connection);
      if (chunk === "end") this.#end();
      else if (chunk) this.#takeReader()!.resolve(chunk);
      else this.connection.fill().then(this.#filled);
    } catch (error) {
      this.#break(error as Error);
    }
  }

  readonly #filled = (isMore: boolean): void => {
    // Cancelled meanwhile: what comes is for `drain`.
    if (this.#isOver) return;
    if (isMore) return this.#goOn();
    try {
      this.#checkEnd();
      this.#end();
    } catch (error) {
      this.#break(error as Error);
    }
  };

  /** The connection has ended. @throws if the body has not */
  #checkEnd(): void {
    if (this.boundary.endsWithConnection && !this.connection.isBroken) return;
    throw new BrokenBody("The connection ended in the middle of a body");
  }

  #end(): void {
    this.#isOver = true;
    this.options.onWhole();
    this.#takeReader()!.resolve(undefined);
  }

  #break(error: Error): void {
    this.#isOver = this.isBroken = true;
    this.options.onCut();
    this.#takeReader()!.reject(error);
  }

  #takeReader() {
    const reader = this.#reader;
    this.#reader = undefined;
    return reader;
  }
}

const NOTHING = Promise.resolve(undefined);
