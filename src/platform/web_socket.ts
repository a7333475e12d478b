/** WebSockets as a dependency: what a request becomes, and what is opened to somebody else. */

export type Socket = WebSocket;

export interface Upgraded {
  readonly socket: Socket;
  /** To be returned as the answer to the request. */
  readonly response: Response;
}

export interface ConnectOptions {
  readonly headers: Iterable<readonly [name: string, value: string]>;
  readonly protocols: readonly string[];
}

/** It is not open yet; one that cannot be opened says why in its `error` event, and is closed. */
export type ConnectWebSocket = (url: URL, options: ConnectOptions) => Socket;

/** `caCerts`: PEM texts, trusted beside the system's. */
export type CreateConnectWebSocket = (
  options?: { readonly caCerts?: string[] },
) => ConnectWebSocket;

export const createConnectWebSocket: CreateConnectWebSocket = (trust) => {
  const client = trust && Deno.createHttpClient({ ...trust, http2: false });
  return (url, { headers, protocols }) =>
    new WebSocket(url, {
      headers: new Headers([...headers].map(([name, value]): [string, string] => [name, value])),
      protocols: [...protocols],
      ...(client ? { client } : {}),
    });
};

/** True if `reason`, of an `error` event, means that nobody listened there (Deno 2.9). */
export function isRefusal(reason: string): boolean {
  return /tcp connect error|Connection refused/i.test(reason);
}

/** How long after its answer has left a socket may take to open; it is a matter of microseconds. */
const OPEN_MAX_MS = 5_000;

/**
 * What `request` becomes. Of a client that goes before its answer has left Deno 2.9 tells the socket nothing: it
 * gets its `close` event here.
 */
export function upgradeWebSocket(
  request: Request,
  completed: Promise<void>,
  protocol: string | undefined,
): Upgraded {
  // Of a request that was upgraded nothing can be read any more.
  const { signal } = request;
  const upgraded = Deno.upgradeWebSocket(request, protocol === undefined ? {} : { protocol });
  const { socket } = upgraded;
  const gone = () => {
    if (socket.readyState === socket.CONNECTING) {
      socket.dispatchEvent(new CloseEvent("close", { code: 1006 }));
    }
  };
  if (signal.aborted) queueMicrotask(gone);
  else signal.addEventListener("abort", gone, { once: true });
  void completed.finally(() => {
    if (socket.readyState !== socket.CONNECTING) return;
    const timer = setTimeout(gone, OPEN_MAX_MS);
    socket.addEventListener("open", () => clearTimeout(timer), { once: true });
  });
  return upgraded;
}
