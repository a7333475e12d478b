/** What travels through the server: a message of `node:http` as a request, and a response onto the wire. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** How long a request may go on behind its answer, so that its sender gets to see that (as nginx's `lingering_time`). */
const LINGER_MS = 30_000;

/**
 * A request as the server knows it, a part of what `Request` is. `url` can always be parsed; `body` is read once, and
 * errors if the client leaves; `signal` aborts when the client leaves before its answer is complete.
 */
export type ServerRequest = Pick<Request, "method" | "url" | "headers" | "body" | "signal">;

interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Undefined if it is none that can be read; `address`: for one that names no host. */
export function requestOf(
  message: IncomingMessage,
  address: Address,
  signal: AbortSignal,
): ServerRequest | undefined {
  const { method = "", rawHeaders, headers, httpVersionMajor } = message;
  const pairs = headerPairs(rawHeaders);
  // Two hosts are none.
  const isAmbiguous = pairs.filter(([name]) => name === "host").length > 1;
  const url = isAmbiguous ? undefined : urlOf(message, address);
  if (url === undefined || httpVersionMajor !== 1 || !isFramed(message)) return undefined;
  const isEmpty = headers["transfer-encoding"] === undefined && !Number(headers["content-length"]);
  return {
    ...{ method, url, signal },
    headers: new Headers(pairs),
    body: isEmpty ? null : bodyOf(message),
  };
}

/** Of `rawHeaders`, in the order of arrival; names in lower case. */
export function headerPairs(raw: readonly string[]): [name: string, value: string][] {
  return Array.from(
    { length: raw.length / 2 },
    (_, i) => [raw[2 * i]!.toLowerCase(), raw[2 * i + 1]!],
  );
}

/** Whether it says where it ends (RFC 9112 section 6.3); what is ambiguous is the server's parser's matter. */
function isFramed({ headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers["transfer-encoding"];
  return coding === undefined || httpVersion !== "1.0" && /(?:^|[, ])chunked *$/i.test(coding);
}

/** Undefined if it has none that can be read. */
function urlOf(
  { url = "", method, headers: { host } }: IncomingMessage,
  { hostname, port }: Address,
): string | undefined {
  const base = `http://${host || `${hostname}:${port}`}`;
  const full = url.startsWith("/")
    ? base + url
    : method === "CONNECT" || url === "*"
    ? `${base}/`
    : /^https?:\/\//i.test(url)
    ? url
    : "";
  return URL.canParse(full) ? full : undefined;
}

/** Its bytes as they come, no more of them than somebody reads. */
function bodyOf(message: IncomingMessage): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isRead = true;
  return new ReadableStream({
    start(controller) {
      message.pause();
      message.on("data", (bytes) => {
        if (!isRead) return;
        controller.enqueue(bytes);
        message.pause();
      });
      message.once("end", () => {
        if (isRead) controller.close();
        isRead = false;
      });
      message.once("close", () => {
        if (isRead) controller.error(new Error("The client has left"));
        isRead = false;
      });
      // Told by `close`.
      message.on("error", () => {});
    },
    pull: () => void message.resume(),
    cancel() {
      isRead = false;
      message.resume();
    },
  }, { highWaterMark: 0 });
}

/** What is left of a request that was answered already is read and thrown away, for a while. */
export function linger(message: IncomingMessage): void {
  if (message.complete || message.destroyed) return;
  message.removeAllListeners("data");
  message.resume();
  const timer = setTimeout(() => message.socket.destroy(), LINGER_MS);
  Deno.unrefTimer(timer);
  message.once("close", () => clearTimeout(timer));
}

export async function send(
  answer: Response,
  { method }: IncomingMessage,
  response: ServerResponse,
  isLast: boolean,
): Promise<void> {
  const { status, headers, body } = answer;
  if (response.destroyed) return void body?.cancel().catch(() => {});
  const list = [...headers].flat();
  if (isLast && !headers.has("connection")) list.push("connection", "close");
  if (method === "HEAD" || body === null) {
    const isFramed = headers.has("content-length") || status === 204 || status === 304;
    if (body === null && !isFramed) list.push("content-length", "0");
    response.writeHead(status, list).end();
    return void body?.cancel().catch(() => {});
  }
  response.writeHead(status, list);
  // What has a length is whole already, or nearly: its head goes out with it.
  if (!headers.has("content-length")) response.flushHeaders();
  const chunks = readerOf(body);
  response.once("close", () => void chunks.cancel().catch(() => {}));
  for (;;) {
    const chunk = await chunks.read();
    if (!chunk || response.destroyed) break;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}

interface ChunkReader {
  /** Undefined when there is no more. */
  read(): Promise<Uint8Array | undefined>;
  cancel(): Promise<void>;
}

const SPACE = 16 * 1024;

/**
 * Into one space, again and again, where that can be: read otherwise, each chunk of a body of `fetch` comes in 64 KiB of
 * its own.
 */
function readerOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): ChunkReader {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    const plain = body.getReader();
    return { read: async () => (await plain.read()).value, cancel: () => plain.cancel() };
  }
  let space = new Uint8Array(SPACE);
  return {
    async read() {
      const { done, value } = await reader.read(space);
      if (done) return undefined;
      space = new Uint8Array(value.buffer);
      return value.slice();
    },
    cancel: () => reader.cancel(),
  };
}

/** Resolves once more may be written, or nothing more can be. */
function drained(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once("drain", resolve);
  response.once("close", resolve);
  return promise.finally(() => {
    response.off("drain", resolve);
    response.off("close", resolve);
  });
}
