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

export const connectWebSocket: ConnectWebSocket = (url, { headers, protocols }) =>
  new WebSocket(url, {
    headers: new Headers([...headers].map(([name, value]): [string, string] => [name, value])),
    protocols: [...protocols],
  });

/** True if `reason`, of an `error` event, means that nobody listened there (Deno 2.9). */
export function isRefusal(reason: string): boolean {
  return /tcp connect error|Connection refused/i.test(reason);
}
