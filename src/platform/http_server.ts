/**
 * An HTTP/1.1 server as a dependency: a handler in, an address and two ways to stop out. On `node:http`, since `Deno.serve`
 * (2.8.3 to 2.9.6) does not tell of a client that leaves before its answer begins, once its request was longer than
 * about 500 bytes; nor can it break an answer that it was told to finish.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket as Connection } from "node:net";
import type { Duplex } from "node:stream";
import { linger, requestOf, send, type ServerRequest } from "./http_messages.ts";
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
  /**
   * Takes no more connections, closes idle ones, a second later also those that have not asked for anything, and resolves
   * when the last response and WebSocket have ended.
   */
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
/** How long the peer of a WebSocket has to say goodbye. */
export const GOODBYE_MS = 1_000;
/** A request that was on its way when the server began to shut down is here within this. */
const ON_ITS_WAY_MS = 1_000;
const GOING_AWAY = 1001;

export const systemListen: Listen = (address, handler) => {
  const listener = new Listener(handler);
  return listener.listen(address);
};

class Listener implements HttpServer {
  hostname = "";
  port = 0;
  readonly #server: Server;
  readonly #connections = new Set<Duplex>();
  readonly #sockets = new Map<Duplex, Socket>();
  /** The answers under way: nothing else may be written where they go. */
  readonly #answers = new WeakMap<Duplex, ServerResponse>();
  readonly #ended = Promise.withResolvers<void>();
  #isClosing = false;
  /** Nobody who has not asked yet is waited for any more. */
  #isLate = false;

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
    const server = this.#server = createServer(
      options,
      (message, response) => void this.#serve(message, response, notAHandshake),
    );
    // A head is bounded in bytes; past a number of headers Node would drop those that follow without a word.
    server.maxHeadersCount = 0;
    server.on("connection", (connection) => {
      this.#connections.add(connection);
      connection.once("close", () => this.#connections.delete(connection));
    });
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
    if (!this.#isClosing) {
      this.#isClosing = true;
      const timer = setTimeout(() => {
        this.#isLate = true;
        this.#closeQuiet();
      }, ON_ITS_WAY_MS);
      this.#server.close(() => {
        clearTimeout(timer);
        this.#ended.resolve();
      });
      this.#closeQuiet();
    }
    return this.#ended.promise;
  }

  async destroy(): Promise<void> {
    const ended = this.shutdown();
    for (const socket of this.#sockets.values()) socket.close(GOING_AWAY);
    // Node's `closeAllConnections` passes over a tunnel, and over a handshake that was refused.
    for (const connection of this.#connections) {
      if (!this.#sockets.has(connection)) connection.destroy();
    }
    const timer = setTimeout(() => {
      for (const socket of this.#sockets.values()) socket.terminate();
    }, GOODBYE_MS);
    await ended;
    clearTimeout(timer);
  }

  /** Closes what nobody waits for an answer on. To Node only what has had an answer is idle. */
  #closeQuiet(): void {
    this.#server.closeIdleConnections();
    if (!this.#isLate) return;
    for (const connection of this.#connections) {
      if (!this.#answers.has(connection)) connection.destroy();
    }
  }

  #upgrade(message: IncomingMessage, connection: Duplex, head: Uint8Array): void {
    this.#serveLast(message, connection, (options) => {
      const socket = acceptWebSocket(message, connection, head, options);
      this.#sockets.set(connection, socket);
      socket.once("close", () => this.#sockets.delete(connection));
      return socket;
    });
  }

  /** A request whose connection is its own from now on. */
  #serveLast(
    message: IncomingMessage,
    connection: Duplex,
    upgrade: RequestInfo["upgrade"] = notAHandshake,
  ): void {
    const response = new ServerResponse(message);
    response.assignSocket(connection as Connection);
    response.shouldKeepAlive = false;
    connection.on("error", () => {});
    response.once("finish", () => connection.end());
    void this.#serve(message, response, (options) => {
      const socket = upgrade(options);
      response.detachSocket(connection as Connection);
      return socket;
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
    this.#answers.set(connection, response);
    const end = () => {
      if (!response.writableFinished) leaving.abort();
      // The next request on it may be here already.
      if (this.#answers.get(connection) === response) this.#answers.delete(connection);
      completed.resolve();
      if (this.#isClosing) this.#closeQuiet();
    };
    response.once("close", end);
    connection.once("close", end);
    try {
      const request = requestOf(message, this, leaving.signal);
      const answer = request === undefined
        ? new Response(null, { status: 400, headers: { connection: "close" } })
        : await this.handler(request, {
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
    const answer = this.#answers.get(connection);
    if (answer?.writableEnded) return void connection.end();
    if (!connection.writable || answer) return void connection.destroy();
    const status = error.code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? "408 Request Timeout"
      : "400 Bad Request";
    connection.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  }
}

function notAHandshake(): never {
  throw new Error("not a handshake");
}

function one(value: string | string[] | undefined): string | null {
  return typeof value === "string" ? value : value?.join(", ") ?? null;
}
