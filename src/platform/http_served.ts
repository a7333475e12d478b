/** The requests of one connection, one after the other, each answered before the next is looked at. */
import type { Connection } from "./http_connection.ts";
import { HEAD_BYTES_MAX, headEnd, headText, parseRequestHead, writeText } from "./http_head.ts";
import { type Handler, readableRequest, statusLine } from "./http_messages.ts";
import { ServedRequest } from "./http_served_request.ts";
import type { Socket } from "./web_socket.ts";

/** How long a client may take, in ms. */
export interface ServerLimits {
  /** For a head to be whole, from its first byte or the connection's beginning; a body's time is its reader's matter. */
  readonly headMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** To take its answer's end and to stop sending, so that it sees the answer (as nginx's `lingering_time`). */
  readonly lingerMs: number;
}

/** What connections know of their server. */
export interface ServerState {
  readonly handler: Handler;
  readonly limits: ServerLimits;
  readonly hostname: string;
  readonly port: number;
  /** Each answer is the last of its connection. */
  readonly isClosing: boolean;
  /** Closes what nobody waits for an answer on, if it is closing. */
  quiet(): void;
}

export class ServedConnection {
  /** Settles when it is closed, or its WebSocket is. */
  readonly ended: Promise<void>;
  /** What it became. */
  socket: Socket | undefined;
  /** It has had an answer, and nothing came since. */
  isIdle = false;
  /** A request of it is being answered. */
  isAnswering = false;
  /** When it is closed at the latest, as `performance.now()`. */
  #untilMs: number;

  constructor(
    readonly connection: Connection,
    readonly remoteAddr: string,
    readonly server: ServerState,
  ) {
    this.#untilMs = performance.now() + server.limits.headMs;
    this.ended = this.#serve();
  }

  /** Somebody waits for something on it. */
  get isBusy(): boolean {
    return this.isAnswering || this.socket !== undefined;
  }

  close(): void {
    this.connection.close();
  }

  closeIfLate(nowMs: number): void {
    if (nowMs < this.#untilMs) return;
    this.#untilMs = Infinity;
    const { size } = this.connection;
    void (size > 0 && !this.isAnswering ? this.#refuse(408) : Promise.resolve())
      .finally(() => this.close());
  }

  async #serve(): Promise<void> {
    const { connection } = this;
    try {
      while (await this.#serveNext());
      if (this.socket) await closed(this.socket);
    } catch {
      // Broken, by whichever side: there is nobody to tell.
    } finally {
      connection.close();
    }
  }

  /** True if another one may follow. */
  async #serveNext(): Promise<boolean> {
    const { connection, server } = this;
    const next = await this.#head();
    if (next === undefined) return false;
    if ("status" in next) return await this.#refuse(next.status);
    const head = parseRequestHead(connection.take(next.end));
    const request = head && readableRequest(head, server);
    if (!request) return await this.#refuse(400);
    this.isAnswering = true;
    this.#untilMs = Infinity;
    // Not awaited here: a request that waits holds on to whatever waits for it.
    return new ServedRequest(this, head, request).serve();
  }

  /** The length of the next head, the status that says why it is none, or undefined: there is no next one. */
  async #head(): Promise<{ end: number } | { status: number } | undefined> {
    const { connection } = this;
    let looked = 0;
    for (;;) {
      // A client may send an empty line too many behind a body (RFC 9112 section 2.2).
      while (looked === 0 && connection.size >= 2 && isEmptyLine(connection.bytes)) {
        connection.skip(2);
      }
      const end = connection.size > looked ? headEnd(connection.bytes, looked) : -1;
      if (end > HEAD_BYTES_MAX || end < 0 && connection.size > HEAD_BYTES_MAX) {
        return { status: 431 };
      }
      if (end >= 0) return { end };
      if (looked === 0 && connection.size > 0) {
        // Who speaks TLS waits for an answer to its first bytes.
        if (!isMethodByte(connection.bytes[0]!)) return { status: 400 };
        this.isIdle = false;
        this.#untilMs = performance.now() + this.server.limits.headMs;
      }
      // An empty line may come in two parts.
      looked = connection.size === 1 && connection.bytes[0] === CR ? 0 : connection.size;
      this.server.quiet();
      if (!await connection.fill()) return undefined;
    }
  }

  /** Ready for the next one. */
  rest(): void {
    this.connection.shrink();
    this.isIdle = this.connection.size === 0;
    this.#untilMs = performance.now() + this.server.limits.idleMs;
  }

  /** Answers what is no request, so that its sender sees that. */
  async #refuse(status: number): Promise<false> {
    const text = headText(statusLine(status), [["content-length", "0"], ["connection", "close"]]);
    const bytes = new Uint8Array(3 * text.length);
    await this.connection.write(bytes.subarray(0, writeText(text, bytes, 0)));
    await this.hangUp();
    return false;
  }

  /** Ends our side and reads on for a while: closed at once, the client's system might drop our last bytes unread. */
  async hangUp(): Promise<void> {
    const { connection, server } = this;
    this.#untilMs = performance.now() + server.limits.lingerMs;
    this.isAnswering = false;
    await connection.end();
    server.quiet();
    do connection.skip(connection.size); while (await connection.fill());
  }
}

const CR = 0x0d, LF = 0x0a;

function isEmptyLine([first, second]: Uint8Array): boolean {
  return first === CR && second === LF;
}

/** A letter, or the end of an empty line. */
function isMethodByte(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a || byte >= 0x61 && byte <= 0x7a || byte === CR;
}

async function closed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("close", () => resolve());
  if (socket.readyState !== socket.CLOSED) await promise;
}
