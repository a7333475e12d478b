/** HTTP/1.1 by hand over a bare socket, for tests of what exactly is on the wire. */

export interface WireRequest {
  readonly method?: string;
  readonly target: string;
  /** Lines such as `Content-Type: application/json`. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

export interface WireAnswer {
  readonly status: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  /** The chunks, if the body came in chunks. */
  readonly chunks: readonly string[];
  readonly body: string;
  /** False if the connection ended before the body did. */
  readonly complete: boolean;
}

/** One connection; what was read and not taken yet is kept, one character a byte. */
export class Wire implements Disposable {
  #read = "";
  #ended = false;

  private constructor(readonly socket: Deno.TcpConn) {}

  static async open(port: number): Promise<Wire> {
    return new Wire(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(request: WireRequest, headers: readonly string[] = []): Promise<void> {
    const { method = request.body === undefined ? "GET" : "POST", target, body = "" } = request;
    const length = new TextEncoder().encode(body).length;
    const lines = [
      `${method} ${target} HTTP/1.1`,
      "Host: engine:8000",
      ...(request.headers ?? []),
      ...headers,
      ...(length > 0 ? [`Content-Length: ${length}`] : []),
    ];
    const bytes = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n${body}`);
    for (let sent = 0; sent < bytes.length;) sent += await this.socket.write(bytes.subarray(sent));
  }

  /** Reads on until `text` has come, and takes everything up to and with it. */
  async until(text: string): Promise<string> {
    while (!this.#read.includes(text)) {
      if (this.#ended) throw new Error(`The connection ended before ${JSON.stringify(text)}`);
      await this.#more();
    }
    const end = this.#read.indexOf(text) + text.length;
    const taken = this.#read.slice(0, end);
    this.#read = this.#read.slice(end);
    return taken;
  }

  /** Everything until the other side closes, or breaks the connection. */
  async rest(): Promise<string> {
    while (!this.#ended) await this.#more();
    const taken = this.#read;
    this.#read = "";
    return taken;
  }

  async #more() {
    const buffer = new Uint8Array(65_536);
    const length = await this.socket.read(buffer).catch(() => null);
    if (length === null) this.#ended = true;
    else for (const byte of buffer.subarray(0, length)) this.#read += String.fromCharCode(byte);
  }

  [Symbol.dispose]() {
    this.socket.close();
  }
}

/** One request on a connection of its own. */
export async function exchange(port: number, request: WireRequest): Promise<WireAnswer> {
  using wire = await Wire.open(port);
  await wire.send(request, ["Connection: close"]);
  return parseAnswer(await wire.rest());
}

export function postJson(target: string, body: unknown): WireRequest {
  return { target, headers: ["Content-Type: application/json"], body: JSON.stringify(body) };
}

/** `text` has one character a byte. */
export function parseAnswer(text: string): WireAnswer {
  const [head = "", rest = ""] = splitOnce(text, "\r\n\r\n");
  const [status = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line) => splitOnce(line, ": ") as [string, string]);
  const chunked = headers.some(([name, value]) =>
    name === "transfer-encoding" && value === "chunked"
  );
  if (!chunked) {
    const length = Number(headers.find(([name]) => name === "content-length")?.[1] ?? "0");
    return { status, headers, chunks: [], body: decode(rest), complete: rest.length === length };
  }
  const { chunks, complete } = parseChunks(rest);
  return { status, headers, chunks, body: chunks.join(""), complete };
}

function parseChunks(text: string): { chunks: string[]; complete: boolean } {
  const chunks: string[] = [];
  let rest = text;
  while (true) {
    const [size = "", after = ""] = splitOnce(rest, "\r\n");
    const length = parseInt(size, 16);
    if (length === 0) return { chunks, complete: after === "\r\n" };
    if (Number.isNaN(length) || after.length < length + 2) return { chunks, complete: false };
    chunks.push(decode(after.slice(0, length)));
    rest = after.slice(length + 2);
  }
}

function decode(bytes: string): string {
  return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
