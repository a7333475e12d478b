/**
 * WebSockets as a dependency: what a request becomes, and what is opened to somebody else. Both ends are `ws`'s, which is
 * loaded with the first of them: with all that it needs of Node's it would be a third of the program's start.
 */
import type { WebSocket } from "ws";
import type { Connection } from "./http_connection.ts";
import type { ServerRequest } from "./http_messages.ts";

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
 * It is not open yet; one that cannot be opened says why in its `error` event, and is closed: its listeners are set as soon
 * as it is there. It asks for no protocol: a server that is asked for some and chooses none, as vLLM, would be no good one.
 */
export type ConnectWebSocket = (
  url: URL,
  options: Omit<AcceptOptions, "protocol">,
) => Promise<Socket>;

/** `caCerts`: PEM texts, trusted beside the system's. */
export type CreateConnectWebSocket = (
  options?: { readonly caCerts?: string[] },
) => ConnectWebSocket;

export const createConnectWebSocket: CreateConnectWebSocket = (trust) => async (url, options) => {
  const { connectWebSocket } = await import("./web_socket_ends.ts");
  return connectWebSocket(url, options, trust?.caCerts);
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

/** Answers the handshake `request`, which came on `connection`. Rejects if its client has gone. */
export async function acceptWebSocket(
  request: Pick<ServerRequest, "method" | "url" | "headers">,
  connection: Connection,
  options: AcceptOptions,
): Promise<Socket> {
  const ends = await import("./web_socket_ends.ts");
  return ends.acceptWebSocket(request, connection, options);
}
