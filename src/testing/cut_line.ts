/**
 * The line between a gateway and its API server, for a test to cut: silent, as where packets are lost, or
 * refused. Mended, what waited on a silent one goes on: late, and not lost.
 */
import { parse, stringify } from "yaml";

export class CutLine implements AsyncDisposable {
  readonly #open = new Set<Deno.TcpConn>();
  readonly #serving = new Set<Promise<void>>();
  #listener: Deno.TcpListener;
  /** The same when it is mended. */
  readonly #addr: Deno.NetAddr;
  #isRefusing = false;
  /** Pending while it is silent. */
  #whole = Promise.withResolvers<void>();

  private constructor(readonly server: URL, readonly dir: string) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#addr = this.#listener.addr;
    this.#whole.resolve();
    this.#accept();
  }

  /** To where the `kubeconfig` of a `RecordingProxy` leads; its own leads there too. */
  static async to(kubeconfig: string): Promise<CutLine> {
    const config = parse(await Deno.readTextFile(kubeconfig));
    const { cluster } = config.clusters[0];
    const dir = await Deno.makeTempDir({ prefix: "line-" });
    const line = new CutLine(new URL(cluster.server), dir);
    cluster.server = `http://127.0.0.1:${line.#addr.port}`;
    await Deno.writeTextFile(line.kubeconfig, stringify(config));
    return line;
  }

  /** Its path. */
  get kubeconfig(): string {
    return `${this.dir}/config`;
  }

  /** Connections are taken, and nothing moves on any. */
  fallSilent(): void {
    this.#whole = Promise.withResolvers();
  }

  /** Connections are refused, and those that are open break. */
  refuse(): void {
    if (!this.#isRefusing) this.#listener.close();
    this.#isRefusing = true;
    for (const conn of this.#open) closed(conn);
  }

  mend(): void {
    this.#whole.resolve();
    if (!this.#isRefusing) return;
    this.#isRefusing = false;
    const { hostname, port } = this.#addr;
    this.#listener = Deno.listen({ hostname, port });
    this.#accept();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#whole.resolve();
    this.refuse();
    await Promise.all(this.#serving);
    await Deno.remove(this.dir, { recursive: true });
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        const served = this.#serve(conn).catch(() => {}).finally(() => {
          this.#serving.delete(served);
        });
        this.#serving.add(served);
      }
    } catch {
      // Closed.
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const conns = [client];
    this.#open.add(client);
    try {
      await this.#whole.promise;
      const { hostname, port } = this.server;
      const server = await Deno.connect({ hostname, port: Number(port) });
      conns.push(server);
      this.#open.add(server);
      await Promise.all([this.#pump(client, server), this.#pump(server, client)]);
    } finally {
      for (const conn of conns) closed(conn);
      for (const conn of conns) this.#open.delete(conn);
    }
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const size = await from.read(buffer);
      await this.#whole.promise;
      if (size === null) return await to.closeWrite();
      let rest = buffer.subarray(0, size);
      while (rest.length > 0) rest = rest.subarray(await to.write(rest));
    }
  }
}

function closed(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch {
    // It is.
  }
}
