/**
 * An HTTP/1.1 server as a dependency: a handler in, an address and two ways to stop out. On `node:http`, since `Deno.serve`
 * (2.8.3 to 2.9.6) does not tell of a client that leaves before its answer begins, once its request was longer than
 * about 500 bytes; nor can it break an answer that it was told to finish.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket as Connection } from "node:net";
import type { Duplex } from "node:stream";
import { type AcceptOptions, acceptWebSocket, isHandshake, type Socket } from "./web_socket.ts";

/** What is known of one request beside itself, and may be done with it. */
export interface RequestInfo {
  /** The peer's IP address; an ingress, if there is one. */
  readonly remoteAddr: string;
  /**
   * Resolves once the response has left completely, or its connection has broken; for one that became a WebSocket, at
   * once.
   */
  readonly completed: Promise<void>;
  /** Makes a WebSocket of it, to be answered with `SwitchingProtocols`. @throws if none can be made of it */
  upgrade(options: AcceptOptions): Socket;
}

/**
 * A request as the server knows it, a part of what `Request` is. `url` can always be parsed; `body` is read once, and
 * errors if the client leaves; `signal` aborts when the client leaves before its answer is complete.
 */
export type ServerRequest = Pick<Request, "method" | "url" | "headers" | "body" | "signal">;

export type Handler = (
  request: ServerRequest,
  info: RequestInfo,
) => Response | Promise<Response>;

/** The answer to a request that became a WebSocket: there is nothing more to send. */
export class SwitchingProtocols extends Response {
  override get status(): number {
    return 101;
  }
}

export interface HttpServer {
  /** Where it listens; the port is the real one also if 0 was asked for. */
  readonly hostname: string;
  readonly port: number;
  /** Takes no more connections, closes idle ones, and resolves when the last response and WebSocket have ended. */
  shutdown(): Promise<void>;
  /** The same, but ends every WebSocket (1001) and breaks every connection. */
  destroy(): Promise<void>;
}

/** Rejects if the address cannot be listened on. */
export type Listen = (
  address: { readonly hostname: string; readonly port: number },
  handler: Handler,
) => Promise<HttpServer>;

/** A head is whole within this; a body's time is its reader's matter. */
const HEAD_TIMEOUT_MS = 60_000;
/** Longer than a balancer keeps its own side open: GCP's, the longest, 600 s, AWS's 60 s, nginx 60 s. */
const IDLE_TIMEOUT_MS = 620_000;
const HEAD_BYTES_MAX = 64 * 1024;
/** How long a request may go on behind its answer, so that its sender gets to see that (as nginx's `lingering_time`). */
const LINGER_MS = 30_000;
/** How long the peer of a WebSocket has to say goodbye. */
const GOODBYE_MS = 1_000;
const GOING_AWAY = 1001;

export const systemListen: Listen = (address, handler) => {
  const listener = new Listener(handler);
  return listener.listen(address);
};

class Listener implements HttpServer {
  hostname = "";
  port = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections with an answer under way: nothing else may be written there. */
  readonly #busy = new WeakSet<Duplex>();
  readonly #ended = Promise.withResolvers<void>();
  #isClosing = false;

  constructor(readonly handler: Handler) {
    const options = {
      headersTimeout: HEAD_TIMEOUT_MS,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      maxHeaderSize: HEAD_BYTES_MAX,
      requestTimeout: 0,
      // A client that offers other protocols (Java's and curl's h2c) is answered in this one.
      shouldUpgradeCallback: ({ method, headers }: IncomingMessage) =>
        isHandshake(method, (name) => one(headers[name])),
    };
    const server = this.#server = createServer(options, (message, response) => {
      void this.#serve(message, response, () => {
        throw new Error("not a handshake");
      });
    });
    // A head is bounded in bytes; past a number of headers Node would drop those that follow without a word.
    server.maxHeadersCount = 0;
    server.on("upgrade", (message, connection, head) => this.#upgrade(message, connection, head));
    server.on("connect", (message, connection) => this.#serveLast(message, connection));
    server.on("clientError", (error, connection) => this.#refuse(error, connection));
  }

  listen({ hostname, port }: { hostname: string; port: number }): Promise<HttpServer> {
    const { promise, resolve, reject } = Promise.withResolvers<HttpServer>();
    this.#server.once("error", reject);
    this.#server.listen(port, hostname, () => {
      this.#server.off("error", reject);
      const address = this.#server.address() as AddressInfo;
      this.hostname = address.address;
      this.port = address.port;
      resolve(this);
    });
    return promise;
  }

  shutdown(): Promise<void> {
    if (!this.#isClosing) this.#server.close(() => this.#ended.resolve());
    this.#isClosing = true;
    this.#server.closeIdleConnections();
    return this.#ended.promise;
  }

  async destroy(): Promise<void> {
    const ended = this.shutdown();
    for (const socket of this.#sockets) socket.close(GOING_AWAY);
    this.#server.closeAllConnections();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.terminate();
    }, GOODBYE_MS);
    await ended;
    clearTimeout(timer);
  }

  #upgrade(message: IncomingMessage, connection: Duplex, head: Uint8Array): void {
    this.#serveLast(message, connection, (options) => {
      const socket = acceptWebSocket(message, connection, head, options);
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      return socket;
    });
  }

  /** A request whose connection is its own from now on. */
  #serveLast(
    message: IncomingMessage,
    connection: Duplex,
    upgrade?: RequestInfo["upgrade"],
  ): void {
    const response = new ServerResponse(message);
    response.assignSocket(connection as Connection);
    response.shouldKeepAlive = false;
    connection.on("error", () => {});
    response.once("finish", () => connection.end());
    void this.#serve(message, response, (options) => {
      if (!upgrade) throw new Error("not a handshake");
      response.detachSocket(connection as Connection);
      return upgrade(options);
    });
  }

  async #serve(
    message: IncomingMessage,
    response: ServerResponse,
    upgrade: RequestInfo["upgrade"],
  ): Promise<void> {
    const { socket: connection } = message;
    const leaving = new AbortController();
    const completed = Promise.withResolvers<void>();
    this.#busy.add(connection);
    const end = () => {
      if (!response.writableFinished) leaving.abort();
      this.#busy.delete(connection);
      completed.resolve();
      if (this.#isClosing) this.#server.closeIdleConnections();
    };
    response.once("close", end);
    connection.once("close", end);
    try {
      const url = urlOf(message, this);
      const answer = url === undefined
        ? new Response(null, { status: 400, headers: { connection: "close" } })
        : await this.handler(requestOf(message, url, leaving.signal), {
          remoteAddr: connection.remoteAddress ?? "",
          completed: completed.promise,
          upgrade,
        });
      if (answer instanceof SwitchingProtocols) completed.resolve();
      else await send(answer, message, response, this.#isClosing);
    } catch {
      if (response.headersSent || response.destroyed) connection.destroy();
      else response.writeHead(500, ["content-length", "0"]).end();
    } finally {
      connection.off("close", end);
    }
    if (response.writableFinished) end();
    linger(message);
  }

  /** Bytes that are no request, or a head that does not end. */
  #refuse(error: Error & { code?: string }, connection: Duplex): void {
    if (!connection.writable || this.#busy.has(connection)) return void connection.destroy();
    const status = error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? "408 Request Timeout"
      : "400 Bad Request";
    connection.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  }
}

/** Undefined if it has none that can be read. */
function urlOf(
  { url = "", method, rawHeaders, headers: { host } }: IncomingMessage,
  { hostname, port }: HttpServer,
): string | undefined {
  const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host");
  if (hosts.length > 1) return undefined;
  const base = `http://${host || `${hostname}:${port}`}`;
  const full = url.startsWith("/")
    ? base + url
    : method === "CONNECT" || url === "*"
    ? `${base}/`
    : /^https?:\/\//i.test(url)
    ? url
    : "";
  return URL.canParse(full) ? full : undefined;
}

function requestOf(message: IncomingMessage, url: string, signal: AbortSignal): ServerRequest {
  const { method = "", rawHeaders, headers } = message;
  const isEmpty = headers["transfer-encoding"] === undefined && !Number(headers["content-length"]);
  return {
    ...{ method, url, signal },
    headers: new Headers(
      Array.from(
        { length: rawHeaders.length / 2 },
        (_, i): [string, string] => [rawHeaders[2 * i]!, rawHeaders[2 * i + 1]!],
      ),
    ),
    body: isEmpty ? null : bodyOf(message),
  };
}

/** Its bytes as they come, no more of them than somebody reads. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isRead = true;
  return new ReadableStream({
    start(controller) {
      message.pause();
      message.on("data", (bytes) => {
        if (!isRead) return;
        controller.enqueue(bytes);
        if ((controller.desiredSize ?? 0) <= 0) message.pause();
      });
      message.once("end", () => {
        if (isRead) controller.close();
        isRead = false;
      });
      message.once("close", () => {
        if (isRead) controller.error(new Error("The client has left"));
        isRead = false;
      });
      // Told by `close`.
      message.on("error", () => {});
    },
    pull: () => void message.resume(),
    cancel() {
      isRead = false;
      message.resume();
    },
  }, { highWaterMark: 0 });
}

/** What is left of a request that was answered already is read and thrown away, for a while. */
function linger(message: IncomingMessage): void {
  if (message.complete || message.destroyed) return;
  message.on("data", () => {});
  message.resume();
  const timer = setTimeout(() => message.socket.destroy(), LINGER_MS);
  Deno.unrefTimer(timer);
  message.once("close", () => clearTimeout(timer));
}

async function send(
  answer: Response,
  { method }: IncomingMessage,
  response: ServerResponse,
  isLast: boolean,
): Promise<void> {
  const { status, headers, body } = answer;
  if (response.destroyed) return void body?.cancel().catch(() => {});
  const list = [...headers].flat();
  if (isLast) list.push("connection", "close");
  if (method === "HEAD" || body === null) {
    const isFramed = headers.has("content-length") || status === 204 || status === 304;
    if (body === null && !isFramed) list.push("content-length", "0");
    response.writeHead(status, list).end();
    return void body?.cancel().catch(() => {});
  }
  response.writeHead(status, list);
  response.flushHeaders();
  const chunks = readerOf(body);
  response.once("close", () => void chunks.cancel().catch(() => {}));
  for (;;) {
    const chunk = await chunks.read();
    if (!chunk || response.destroyed) break;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}

interface ChunkReader {
  /** Undefined when there is no more. */
  read(): Promise<Uint8Array | undefined>;
  cancel(): Promise<void>;
}

const SPACE = 16 * 1024;

/**
 * Into one space, again and again, where that can be: read otherwise, each chunk of a body of `fetch` comes in 64 KiB of
 * its own.
 */
function readerOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): ChunkReader {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    const plain = body.getReader();
    return { read: async () => (await plain.read()).value, cancel: () => plain.cancel() };
  }
  let space = new Uint8Array(SPACE);
  return {
    async read() {
      const { done, value } = await reader.read(space);
      if (done) return undefined;
      space = new Uint8Array(value.buffer);
      return value.slice();
    },
    cancel: () => reader.cancel(),
  };
}

/** Resolves once more may be written, or nothing more can be. */
function drained(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once("drain", resolve);
  response.once("close", resolve);
  return promise.finally(() => {
    response.off("drain", resolve);
    response.off("close", resolve);
  });
}

function one(value: string | string[] | undefined): string | null {
  return typeof value === "string" ? value : value?.join(", ") ?? null;
}
