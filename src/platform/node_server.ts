/**
 * A listening HTTP/1.1 server whose sockets are exact: it closes idle connections when told, writes
 * one chunk a packet, sees a client leave at once and can break a single connection, and writes headers in the spelling
 * of the engine that it stands in for. The gateway has a server of its own (speed); this one is the stand-in engine's.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { acceptWebSocket, type NodeWebSocket } from "./node_web_socket.ts";

/** `answered`: to the last byte; `left`: the client closed first; `cut`: we broke the connection. */
export type Outcome = "answered" | "left" | "cut";

export interface NodeRequest {
  readonly method: string;
  /** True if it asks to become one. */
  readonly isWebSocket: boolean;
  /** Path and query as sent. */
  readonly target: string;
  /** Names in lower case, in the order of arrival. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  /** The whole body; rejects if the client leaves before it is complete. */
  body(): Promise<Uint8Array<ArrayBuffer>>;
  /** Aborts when the connection ends before the answer does. */
  readonly signal: AbortSignal;
  /** How it ended; never rejects. */
  readonly outcome: Promise<Outcome>;
}

export interface NodeAnswer {
  readonly status: number;
  /**
   * Written in this order and spelling; framing is added: `connection`, and `transfer-encoding` to a
   * stream without a `content-length`.
   */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  /** Bytes, or a stream of which each item becomes one chunk; one that throws breaks the connection. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
  /** Makes a WebSocket of a request for one; closed when it resolves, broken when it rejects. */
  readonly webSocket?: (socket: NodeWebSocket) => Promise<void>;
}

/** A rejection breaks the connection; a promise that stays open leaves the client waiting. */
export type NodeHandler = (request: NodeRequest) => Promise<NodeAnswer>;

export interface NodeServer {
  readonly port: number;
  /** From now on connections are refused; running requests go on, idle connections close. */
  refuse(): void;
  /** Refuses and breaks every connection. */
  close(): Promise<void>;
}

export interface ListenOptions {
  readonly hostname: string;
  /** 0: any free port. */
  readonly port: number;
  /** An idle keep-alive connection is closed after this; not before a second. */
  readonly idleTimeoutMs: number;
}

/** Rejects if the address cannot be had. */
export type ListenNode = (options: ListenOptions, handler: NodeHandler) => Promise<NodeServer>;

/** Deno adds this to `keepAliveTimeout`, and heeds no `keepAliveTimeoutBuffer` (2.9.6). */
const KEEP_ALIVE_GRACE_MS = 1000;

export const listenNode: ListenNode = (options, handler) => {
  const server = createServer({
    keepAliveTimeout: Math.max(1, options.idleTimeoutMs - KEEP_ALIVE_GRACE_MS),
    requestTimeout: 0,
  }, (message, response) => void exchange(handler, message, response));
  const upgraded = new Set<Duplex>();
  server.on("upgrade", (message, connection, head) => {
    upgraded.add(connection);
    connection.once("close", () => upgraded.delete(connection));
    void upgrade(handler, message, connection, head);
  });
  const { promise, resolve, reject } = Promise.withResolvers<NodeServer>();
  server.once("error", reject);
  server.listen(options.port, options.hostname, () => {
    server.off("error", reject);
    const closed = Promise.withResolvers<void>();
    server.once("close", () => closed.resolve());
    resolve({
      port: (server.address() as AddressInfo).port,
      refuse: () => void server.close(),
      close() {
        server.close();
        server.closeAllConnections();
        for (const connection of upgraded) connection.destroy();
        return closed.promise;
      },
    });
  });
  return promise;
};

async function exchange(handler: NodeHandler, message: IncomingMessage, response: ServerResponse) {
  const left = new AbortController();
  const outcome = Promise.withResolvers<Outcome>();
  let cut = false;
  response.once("close", () => {
    outcome.resolve(response.writableFinished ? "answered" : cut ? "cut" : "left");
    if (!response.writableFinished) left.abort();
  });
  try {
    const answer = await handler({
      ...requestOf(message),
      ...{ signal: left.signal, outcome: outcome.promise, isWebSocket: false },
    });
    await send(answer, message, response);
  } catch {
    cut = true;
    message.socket.destroy();
  }
}

/** A request to become something else; an answer that makes no WebSocket of it is its last one. */
async function upgrade(
  handler: NodeHandler,
  message: IncomingMessage,
  connection: Duplex,
  head: Uint8Array,
) {
  const left = new AbortController();
  const outcome = Promise.withResolvers<Outcome>();
  let socket: NodeWebSocket | undefined;
  let ended: Outcome = "left";
  connection.on("error", () => {});
  connection.once("close", () => {
    outcome.resolve(socket?.isClosed ? "answered" : ended);
    left.abort();
  });
  try {
    const answer = await handler({
      ...requestOf(message),
      ...{ signal: left.signal, outcome: outcome.promise, isWebSocket: true },
      body: () => Promise.resolve(new Uint8Array()),
    });
    if (!answer.webSocket) {
      ended = "answered";
      const lines = answer.headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
      connection.write(`HTTP/1.1 ${answer.status} -\r\n${lines}connection: close\r\n\r\n`);
      return void connection.end(answer.body as Uint8Array);
    }
    socket = acceptWebSocket(message, connection, head);
    await answer.webSocket(socket);
    ended = "answered";
    socket.close(1000);
  } catch {
    ended = "cut";
    connection.destroy();
  }
}

/** Of `rawHeaders`, in the order of arrival; names in lower case. */
function headerPairs(raw: readonly string[]): [name: string, value: string][] {
  return Array.from(
    { length: raw.length / 2 },
    (_, i) => [raw[2 * i]!.toLowerCase(), raw[2 * i + 1]!],
  );
}

function requestOf(message: IncomingMessage) {
  return {
    method: message.method!,
    target: message.url!,
    headers: headerPairs(message.rawHeaders),
    body: () => collect(message),
  };
}

async function collect(message: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const parts: BlobPart[] = [];
  for await (const part of message) parts.push(part);
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function send(answer: NodeAnswer, message: IncomingMessage, response: ServerResponse) {
  if (response.destroyed) return;
  // Node would add these three on its own, in its own spelling.
  for (const name of ["date", "connection", "transfer-encoding"]) response.removeHeader(name);
  response.sendDate = false;
  const last = message.headers.connection?.toLowerCase() === "close" ||
    message.httpVersion === "1.0";
  const chunked = !(answer.body instanceof Uint8Array) &&
    !answer.headers.some(([name]) => name === "content-length");
  response.writeHead(
    answer.status,
    [
      ...answer.headers,
      ...(last ? [["connection", "close"]] : []),
      ...(chunked ? [["transfer-encoding", "chunked"]] : []),
    ].flat(),
  );
  if (answer.body instanceof Uint8Array) return void response.end(answer.body);
  response.flushHeaders();
  for await (const chunk of answer.body) {
    if (response.destroyed) return;
    await write(response, chunk);
  }
  response.end();
}

/** Resolves once the chunk is with the kernel, or the connection is gone: then no callback may come. */
function write(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    response.once("close", resolve);
    response.write(chunk, () => {
      response.off("close", resolve);
      resolve();
    });
  });
}
