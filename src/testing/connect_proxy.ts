/** A small HTTP proxy that makes tunnels, and says to where. */
import { eventually } from "./eventually.ts";

export class ConnectProxy implements AsyncDisposable {
  /** `host:port` of each tunnel. */
  readonly targets: string[] = [];
  readonly #open = new Set<Deno.Conn>();

  private constructor(readonly listener: Deno.TcpListener) {
    this.#accept();
  }

  static start(): ConnectProxy {
    return new ConnectProxy(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  }

  get url(): string {
    return `http://127.0.0.1:${this.listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close();
    for (const conn of this.#open) conn.close();
    await eventually(() => this.#open.size === 0);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.listener) this.#serve(conn).catch(() => {});
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    this.#open.add(conn);
    try {
      const head = new Uint8Array(4096);
      const size = await conn.read(head) ?? 0;
      const [, host, port] = /^CONNECT (\S+):(\d+) /.exec(
        new TextDecoder().decode(head.subarray(0, size)),
      )!;
      this.targets.push(`${host}:${port}`);
      const target = await Deno.connect({ hostname: host!, port: Number(port) });
      this.#open.add(target);
      await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
      try {
        await Promise.all([pipe(conn, target), pipe(target, conn)]);
      } finally {
        this.#open.delete(target);
      }
    } finally {
      this.#open.delete(conn);
    }
  }
}

/** What comes from one goes to the other; the end of it too. */
async function pipe(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  await from.readable.pipeTo(to.writable);
}
