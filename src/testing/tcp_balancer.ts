/** A TCP balancer of the test's own, as a Service is one: connections go in turn to the gateways that say they are ready. */
import type { GatewayProcess } from "./gateway_process.ts";

const LOOK_EVERY_MS = 50;

export class TcpBalancer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.TcpConn>();
  /** By the port of the client's end; the latest that had it. */
  readonly #routes = new Map<number, { readonly url: string; isOpen: boolean }>();
  #ready: readonly string[] = [];
  #turn = 0;
  #isOver = false;
  readonly #serving: Promise<unknown>;

  constructor(readonly gateways: readonly GatewayProcess[]) {
    this.#serving = Promise.all([this.#accept(), this.#look()]);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** How many would be sent to now. */
  get readyCount(): number {
    return this.#ready.length;
  }

  /** Which gateway got the connection from that port of a client, open or not. */
  routeOf(port: number): string | undefined {
    return this.#routes.get(port)?.url;
  }

  /** How many connections are open to the gateway at `url`. */
  openTo(url: string): number {
    return [...this.#routes.values()].filter((route) => route.isOpen && route.url === url).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#listener.close();
    for (const conn of this.#open) conn.close();
    await this.#serving;
  }

  async #look(): Promise<void> {
    while (!this.#isOver) {
      const ready = await Promise.all(this.gateways.map(async ({ url }) => {
        try {
          const response = await fetch(`${url}/readyz`);
          await response.body?.cancel();
          return response.ok ? [url] : [];
        } catch {
          return [];
        }
      }));
      this.#ready = ready.flat();
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  async #accept(): Promise<void> {
    try {
      for await (const client of this.#listener) void this.#serve(client);
    } catch {
      // Closed.
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const connected = await this.#connect();
    if (!connected) return client.close();
    const { url, upstream } = connected;
    const route = { url, isOpen: true };
    this.#routes.set(client.remoteAddr.port, route);
    for (const conn of [client, upstream]) this.#open.add(conn);
    await Promise.allSettled([
      client.readable.pipeTo(upstream.writable),
      upstream.readable.pipeTo(client.writable),
    ]);
    route.isOpen = false;
    for (const conn of [client, upstream]) this.#open.delete(conn);
  }

  /** One that refuses has just gone: the next one, as whoever connects would. */
  async #connect(): Promise<{ url: string; upstream: Deno.TcpConn } | undefined> {
    for (let tries = 0; tries < 40; tries++) {
      const url = this.#ready[this.#turn++ % Math.max(1, this.#ready.length)];
      try {
        if (url) {
          const port = Number(new URL(url).port);
          return { url, upstream: await Deno.connect({ hostname: "127.0.0.1", port }) };
        }
      } catch {
        // Refused.
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return undefined;
  }
}
