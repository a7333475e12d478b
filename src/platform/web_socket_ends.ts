/** The two ends of a WebSocket, `ws`'s; loaded by `web_socket.ts` alone. */
import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { rootCertificates } from "node:tls";
// @ts-types="npm:@types/ws@8.18.2"
import { WebSocket, WebSocketServer } from "ws";
import type { Connection } from "./http_connection.ts";
import type { ServerRequest } from "./http_messages.ts";
import type { AcceptOptions, Socket } from "./web_socket.ts";

export function connectWebSocket(
  url: URL,
  { headers, messageMax }: Omit<AcceptOptions, "protocol">,
  caCerts: readonly string[] | undefined,
): Socket {
  return prepared(
    new WebSocket(url, {
      headers: grouped(headers),
      maxPayload: messageMax,
      perMessageDeflate: false,
      ...(caCerts ? { ca: [...rootCertificates, ...caCerts] } : {}),
    }),
  );
}

/** @throws if the client has gone */
export function acceptWebSocket(
  { method, url, headers: asked }: Pick<ServerRequest, "method" | "url" | "headers">,
  connection: Connection,
  { protocol, headers, messageMax }: AcceptOptions,
): Socket {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageMax,
    handleProtocols: () => protocol ?? false,
  });
  server.on("headers", (lines) => {
    for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  });
  const message = { method, url, headers: Object.fromEntries(asked) };
  let socket: Socket | undefined;
  server.handleUpgrade(
    message as unknown as IncomingMessage,
    new ConnectionStream(connection),
    new Uint8Array() as never,
    (accepted) => socket = accepted,
  );
  if (!socket) throw new Error("The client has left");
  return prepared(socket);
}

/** A connection as Node has it. */
class ConnectionStream extends Duplex {
  constructor(readonly connection: Connection) {
    super();
  }

  override _read(): void {
    void this.#pull();
  }

  override _write(chunk: Uint8Array, _: string, done: (error?: Error | null) => void): void {
    this.connection.write(chunk).then(() => done(), done);
  }

  override _final(done: () => void): void {
    void this.connection.end().then(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.connection.close();
    done(error);
  }

  async #pull(): Promise<void> {
    const { connection } = this;
    const isMore = connection.size > 0 || await connection.fill();
    if (!this.destroyed) this.push(isMore ? connection.take(Infinity).slice() : null);
  }
}

function prepared(socket: Socket): Socket {
  socket.binaryType = "arraybuffer";
  // What goes wrong closes it, and is told by that; without a listener it would end the program.
  socket.on("error", () => {});
  return socket;
}

function grouped(headers: Iterable<readonly [string, string]>): Record<string, string[]> {
  const groups: Record<string, string[]> = {};
  for (const [name, value] of headers) (groups[name] ??= []).push(value);
  return groups;
}
