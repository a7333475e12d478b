/** An HTTP/1.1 server as a dependency: a handler in, an address and a way to stop out. */

/** What is known of one request beside itself. */
export interface RequestInfo {
  /** The peer's IP address; an ingress, if there is one. */
  readonly remoteAddr: string;
  /** Settles once the response has left completely, or its connection has broken. */
  readonly completed: Promise<void>;
}

/** The request's URL is always one that can be parsed. */
export type Handler = (request: Request, info: RequestInfo) => Response | Promise<Response>;

export interface HttpServer {
  /** Where it listens; the port is the real one also if 0 was asked for. */
  readonly hostname: string;
  readonly port: number;
  /** Takes no more connections, closes idle ones, and resolves when the last response has left. */
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
      URL.canParse(request.url)
        ? handler(request, { remoteAddr: info.remoteAddr.hostname, completed: info.completed })
        : malformed(),
  );
  return {
    hostname: server.addr.hostname,
    port: server.addr.port,
    shutdown: () => server.shutdown(),
  };
};
