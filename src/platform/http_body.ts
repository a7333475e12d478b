/** Bodies of HTTP messages, pulled chunk by chunk: from a connection by their framing, or from a stream. */
import type { Connection } from "./http_connection.ts";
import type { Framing } from "./http_head.ts";

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

export function boundaryOf(framing: Framing): Boundary {
  switch (framing.kind) {
    case "length":
      return new Counted(framing.length);
    case "chunked":
      return new Chunked();
    case "until close":
      return new UntilClose();
  }
}

/** Where a body ends. */
export interface Boundary {
  /** The next bytes of the body; undefined if more have to come first, `end` at its end. @throws BrokenBody */
  next(connection: Connection): Uint8Array<ArrayBuffer> | undefined | "end";
  /** True if the end of the connection is the end of the body. */
  readonly endsWithConnection: boolean;
}

/** A body of what `pull` brings; cancelling it also ends the read that waits. */
export class PulledBody implements HttpBody {
  #isOver = false;
  #stop: ((end: undefined) => void) | undefined;

  /** `cancelled`: called once, if it is cancelled before its end. */
  constructor(
    readonly pull: () => Promise<Uint8Array<ArrayBuffer> | undefined>,
    readonly cancelled: () => void,
  ) {}

  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    const { promise, resolve, reject } = Promise.withResolvers<
      Uint8Array<ArrayBuffer> | undefined
    >();
    this.#stop = resolve;
    this.pull().then((chunk) => {
      this.#isOver ||= chunk === undefined;
      resolve(chunk);
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
  }
}

/** The body of a message that comes on a connection. */
export class MessageBody extends PulledBody {
  /** What came of it is no body, or ended early: nothing that follows can be told from it. */
  isBroken = false;

  constructor(
    readonly connection: Connection,
    readonly boundary: Boundary,
    options: MessageBodyOptions,
  ) {
    super(async () => {
      try {
        const chunk = await this.#piece();
        if (!chunk) options.onWhole();
        return chunk;
      } catch (error) {
        this.isBroken = true;
        options.onCut();
        throw error;
      }
    }, options.onCut);
  }

  /** Reads to its end, although nobody wants it. @throws as `read` does */
  async drain(): Promise<void> {
    while (await this.#piece());
  }

  async #piece(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { connection, boundary } = this;
    for (;;) {
      const chunk = boundary.next(connection);
      if (chunk) return chunk === "end" ? undefined : chunk;
      if (await connection.fill()) continue;
      if (boundary.endsWithConnection && !connection.isBroken) return undefined;
      throw new BrokenBody("The connection ended in the middle of a body");
    }
  }
}

/** A body that broke off, or whose chunks are none. */
export class BrokenBody extends Error {
  override name = "BrokenBody";
}

class Counted implements Boundary {
  readonly endsWithConnection = false;

  constructor(private left: number) {}

  next(connection: Connection): Uint8Array<ArrayBuffer> | undefined | "end" {
    if (this.left === 0) return "end";
    if (connection.size === 0) return undefined;
    const chunk = connection.take(this.left);
    this.left -= chunk.length;
    return chunk;
  }
}

class UntilClose implements Boundary {
  readonly endsWithConnection = true;

  next(connection: Connection): Uint8Array<ArrayBuffer> | undefined {
    return connection.size === 0 ? undefined : connection.take(Infinity);
  }
}

const CR = 0x0d, LF = 0x0a;
/** A size, with its extensions, and a line of the trailer. */
const LINE_MAX = 4 * 1024;
const TRAILER_MAX = 16 * 1024;

const CHUNK_END = -1, SIZE = -2, TRAILER = -3, OVER = -4;

/** RFC 9112 section 7.1; extensions and trailers are read and dropped. */
class Chunked implements Boundary {
  readonly endsWithConnection = false;
  /** Bytes of the chunk under way, or what comes next. */
  #left = SIZE;
  #trailer = 0;

  next(connection: Connection): Uint8Array<ArrayBuffer> | undefined | "end" {
    while (this.#left !== OVER) {
      if (this.#left > 0) {
        if (connection.size === 0) return undefined;
        const chunk = connection.take(this.#left);
        this.#left -= chunk.length;
        if (this.#left === 0) this.#left = CHUNK_END;
        return chunk;
      }
      const line = lineOf(connection);
      if (line === undefined) return undefined;
      if (this.#left === CHUNK_END) {
        if (line !== "") throw new BrokenBody("A chunk is longer than its size");
        this.#left = SIZE;
      } else if (this.#left === SIZE) {
        const size = sizeOf(line);
        this.#left = size === 0 ? TRAILER : size;
      } else if (line === "") {
        this.#left = OVER;
      } else if ((this.#trailer += line.length) > TRAILER_MAX) {
        throw new BrokenBody("The trailer of a body is too long");
      }
    }
    return "end";
  }
}

/** One line without its end; undefined if it is not whole. @throws BrokenBody */
function lineOf(connection: Connection): string | undefined {
  const { bytes } = connection;
  const at = bytes.indexOf(LF);
  if (at < 0 && bytes.length < LINE_MAX) return undefined;
  if (at < 1 || at > LINE_MAX || bytes[at - 1] !== CR) {
    throw new BrokenBody("A line of a chunked body does not end");
  }
  let line = "";
  for (let i = 0; i < at - 1; i++) line += String.fromCharCode(bytes[i]!);
  connection.take(at + 1);
  return line;
}

function sizeOf(line: string): number {
  const [, digits] = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/.exec(line) ?? [];
  if (digits === undefined) throw new BrokenBody("A chunk has no size");
  return parseInt(digits, 16);
}
