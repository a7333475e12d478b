/** An HTTP client that writes and reads bytes as they are, and leaves when the test says so. */

export class RawClient implements Disposable {
  readonly #conn: Deno.TcpConn;
  /** Everything received so far, one character a byte. */
  received = "";
  /** Settles when the other side ends or breaks the connection. */
  readonly ended: Promise<void>;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.ended = this.#receive().catch(() => {});
  }

  static async connect(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Of its own end. */
  get port(): number {
    return this.#conn.localAddr.port;
  }

  /** Sends a POST of `body`, JSON unless it is a text. */
  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<void> {
    const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
    const head = Object.entries({
      host: "gateway.test",
      "content-type": "application/json",
      "content-length": String(bytes.length),
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`).join("");
    await this.write(`POST ${path} HTTP/1.1\r\n${head}\r\n`);
    await this.write(bytes);
  }

  async write(data: string | Uint8Array): Promise<void> {
    let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
    while (rest.length > 0) rest = rest.subarray(await this.#conn.write(rest));
  }

  /** The body so far, its chunks joined, and whether its last chunk has come. */
  get chunks(): { readonly text: string; readonly complete: boolean } {
    let rest = this.received.slice(this.received.indexOf("\r\n\r\n") + 4);
    let text = "";
    for (;;) {
      const match = /^([0-9a-f]+)\r\n/i.exec(rest);
      if (!match) return { text, complete: false };
      const size = parseInt(match[1]!, 16);
      if (size === 0) return { text, complete: true };
      const start = match[0].length;
      text += rest.slice(start, start + size);
      rest = rest.slice(start + size + 2);
    }
  }

  #left = false;

  /** Leaves, whatever is under way. */
  [Symbol.dispose](): void {
    if (!this.#left) this.#conn.close();
    this.#left = true;
  }

  async #receive(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (let n = await this.#conn.read(buffer); n !== null; n = await this.#conn.read(buffer)) {
      this.received += Array.from(buffer.subarray(0, n), (byte) => String.fromCharCode(byte)).join(
        "",
      );
    }
  }
}
