/** An HTTP/1.1 server as a dependency: a handler in, an address and a way to stop out. */

import { type Upgraded, upgradeWebSocket } from "./web_socket.ts";

/** What is known of one request beside itself, and may be done with it. */
export interface RequestInfo {
  /** The peer's IP address; an ingress, if there is one. */
  readonly remoteAddr: string;
  /**
   * Settles once the response has left completely, or its connection has broken; for one that became a WebSocket, at
   * once.
   */
  readonly completed: Promise<void>;
  /** Makes a WebSocket of it; `protocol`: of those that the client offers. @throws if it does not ask for one */
  upgrade(protocol: string | undefined): Upgraded;
}

/** The request's URL is always one that can be parsed. */
export type Handler = (request: Request, info: RequestInfo) => Response | Promise<Response>;

export interface HttpServer {
  /** Where it listens; the port is the real one also if 0 was asked for. */
  readonly hostname: string;
  readonly port: number;
  /**
   * Takes no more connections, closes idle ones and all WebSockets (with 1001), and resolves when the last response
   * has left.
   */
  shutdown(): Promise<void>;
}

/** What the server itself answers to a head that it cannot read. */
const malformed = () => new Response(null, { status: 400 });

/** @throws if the address cannot be listened on */
export type Listen = (
  address: { readonly hostname: string; readonly port: number },
  handler: Handler,
) => HttpServer;

export const systemListen: Listen = ({ hostname, port }, handler) => {
  const server = Deno.serve(
    {
      hostname,
      port,
      onListen() {},
      // The gateway turns its own failures into answers; this is for what failed even at that.
      onError: () => new Response(null, { status: 500 }),
    },
    (request, info) =>
      // A `Host` that is none, such as `[`, leaves a URL that cannot be read.
      URL.canParse(request.url) ? handler(request, requestInfo(request, info)) : malformed(),
  );
  return {
    hostname: server.addr.hostname,
    port: server.addr.port,
    shutdown: () => server.shutdown(),
  };
};

export function requestInfo(
  request: Request,
  { remoteAddr, completed }: Deno.ServeHandlerInfo<Deno.NetAddr>,
): RequestInfo {
  return {
    ...{ remoteAddr: remoteAddr.hostname, completed },
    upgrade: (protocol) => upgradeWebSocket(request, completed, protocol),
  };
}
