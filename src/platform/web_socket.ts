/** WebSockets as a dependency: what a request becomes, and what is opened to somebody else. Both ends are `ws`'s. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { rootCertificates } from "node:tls";
// @ts-types="npm:@types/ws@8.18.2"
import { WebSocket, WebSocketServer } from "ws";

export type Socket = WebSocket;

export interface AcceptOptions {
  /** Of those that the client offers. */
  readonly protocol?: string | undefined;
  /** Of the answer, beside those of the handshake. */
  readonly headers: Iterable<readonly [name: string, value: string]>;
  /** Bytes of one message; a longer one closes the socket (1009). */
  readonly messageMax: number;
}

/**
 * It is not open yet; one that cannot be opened says why in its `error` event, and is closed. It asks for no protocol:
 * a server that is asked for some and chooses none, as vLLM, would be no good one.
 */
export type ConnectWebSocket = (url: URL, options: Omit<AcceptOptions, "protocol">) => Socket;

/** `caCerts`: PEM texts, trusted beside the system's. */
export type CreateConnectWebSocket = (
  options?: { readonly caCerts?: string[] },
) => ConnectWebSocket;

export const createConnectWebSocket: CreateConnectWebSocket = (trust) => {
  const ca = trust?.caCerts && [...rootCertificates, ...trust.caCerts];
  return (url, { headers, messageMax }) =>
    prepared(
      new WebSocket(url, {
        headers: grouped(headers),
        maxPayload: messageMax,
        perMessageDeflate: false,
        ...(ca ? { ca } : {}),
      }),
    );
};

/** True if `reason`, of an `error` event, means that nobody listened there. */
export function isRefusal(reason: string): boolean {
  return reason.includes("ECONNREFUSED");
}

/** True for a handshake (RFC 6455 section 4.1); one that is not whole is none. */
export function isHandshake(
  method: string | undefined,
  header: (name: string) => string | null,
): boolean {
  return method === "GET" && /^websocket$/i.test(header("upgrade") ?? "") &&
    /\bupgrade\b/i.test(header("connection") ?? "") &&
    header("sec-websocket-version") === "13" &&
    /^[+/0-9A-Za-z]{22}==$/.test(header("sec-websocket-key") ?? "");
}

/** Answers the handshake `message`, which came on `connection` with `head` behind it. @throws if its client has gone */
export function acceptWebSocket(
  message: IncomingMessage,
  connection: Duplex,
  head: Uint8Array,
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
  let socket: Socket | undefined;
  server.handleUpgrade(message, connection, head as never, (accepted) => socket = accepted);
  if (!socket) throw new Error("The client has left");
  return prepared(socket);
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
