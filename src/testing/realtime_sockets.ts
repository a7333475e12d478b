/** Both ends of `/v1/realtime` on real sockets: an engine of the test's own, and a client of a gateway. */
import { eventually } from "./eventually.ts";
import { GatewayServer, type GatewayServerOptions } from "./gateway_server.ts";

/** An engine that says what it was asked with, and sends back each frame. */
export class RealtimeEngine implements AsyncDisposable {
  readonly asked: { readonly target: string; readonly headers: Headers }[] = [];
  readonly closes: [code: number, reason: string][] = [];
  /** Called with every socket that opens. */
  atOnce: (socket: WebSocket) => void = () => {};
  readonly #breaking = new AbortController();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: this.#breaking.signal, onListen() {} },
    (request) => {
      const { pathname, search } = new URL(request.url);
      this.asked.push({ target: pathname + search, headers: new Headers(request.headers) });
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.binaryType = "arraybuffer";
      socket.onopen = () => this.atOnce(socket);
      socket.onmessage = ({ data }) => {
        if (data === "end") socket.close(4001, "enough");
        else if (data === "just end") socket.close();
        else socket.send(data);
      };
      socket.onclose = ({ code, reason }) => void this.closes.push([code, reason]);
      return response;
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#breaking.abort();
    await this.#server.finished;
  }
}

/** A client, and what it hears. */
export class RealtimeClient implements Disposable {
  readonly heard: (string | number)[] = [];
  closed: [code: number, reason: string] | undefined;
  readonly socket: WebSocket;

  constructor(gateway: GatewayServer, search = "?model=m", protocols: string[] = [], headers = {}) {
    const url = `${gateway.url.replace("http", "ws")}/v1/realtime${search}`;
    this.socket = new WebSocket(url, { protocols, headers });
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      this.heard.push(typeof data === "string" ? data : data.byteLength);
    };
    this.socket.onclose = ({ code, reason }) => this.closed = [code, reason];
  }

  async send(...frames: (string | ArrayBuffer)[]): Promise<void> {
    await eventually(() => this.socket.readyState !== WebSocket.CONNECTING);
    for (const frame of frames) this.socket.send(frame);
  }

  async end(): Promise<[code: number, reason: string]> {
    await eventually(() => this.closed !== undefined);
    return this.closed!;
  }

  [Symbol.dispose](): void {
    if (this.socket.readyState < WebSocket.CLOSING) this.socket.close();
  }
}

/** A gateway whose models are up at `engine`; undefined: they sleep. */
export function startGateway(
  engine: RealtimeEngine | undefined,
  options: GatewayServerOptions = {},
): Promise<GatewayServer> {
  return GatewayServer.start({ ...options, endpoints: engine ? [engine.url] : [] });
}
