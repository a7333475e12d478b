/**
 * Requests to upstreams over plain HTTP/1.1, with a pool of connections: `fetch` takes twice the time, and tells neither of
 * a request that it repeated nor, but in words, whether anybody had taken it.
 */
import { type Fetch, POOL_IDLE_TIMEOUT_MS } from "./fetch.ts";
import { MessageBody } from "./http_body.ts";
import { boundaryOf } from "./http_boundary.ts";
import { Connection } from "./http_connection.ts";
import {
  HEAD_BYTES_MAX,
  headEnd,
  headText,
  isLast,
  parseResponseHead,
  responseFraming,
  type ResponseHead,
  writeText,
} from "./http_head.ts";
import { HeaderFields, type HeaderList } from "./http_headers.ts";
import type { HttpResponse } from "./http_messages.ts";
import { giveSpace, takeSpace } from "./http_space.ts";

export interface HttpRequest {
  readonly method: string;
  /** `host` and `content-length` are added. */
  readonly headers: HeaderList;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Ends whatever is under way, also the body of the answer. */
  readonly signal: AbortSignal;
  /** Redirects are the client's matter. */
  readonly redirect: "manual";
}

/** Sends one request; Deno's `fetch` will do as well. Rejects with the signal's reason, or what `fetch_failure.ts` knows. */
export type SendRequest = (url: URL, request: HttpRequest) => Promise<HttpResponse>;

/**
 * `refused`: no connection came to be, so not a byte was sent. `closed`: the connection ended before the first byte of the
 * answer: whether the request was taken is not known. `broken`: what came is no answer.
 */
export class RequestFailure extends Error {
  override name = "RequestFailure";

  constructor(readonly kind: "refused" | "closed" | "broken", message: string) {
    super(message);
  }
}

/** What is sent together with its head; more is worth a call of its own. */
const TOGETHER_MAX = 64 * 1024;

interface IdleConnection {
  readonly connection: Connection;
  readonly sinceMs: number;
}

/** Over plain HTTP by a pool of its own, over TLS by `https`. */
export function createSendRequest(https: Fetch): SendRequest {
  const client = new HttpClient();
  return (url, request) =>
    url.protocol === "http:" ? client.send(url, request) : https(url, request);
}

export class HttpClient {
  /** By host and port, the latest last. */
  readonly #idle = new Map<string, IdleConnection[]>();
  #sweep: ReturnType<typeof setTimeout> | undefined;

  /**
   * A request whose pooled connection ends before a byte of the answer is sent once more, on a new one: most likely its
   * server had closed it just then, for being idle. @throws RequestFailure, or the signal's reason
   */
  send(url: URL, request: HttpRequest): Promise<HttpResponse> {
    const { signal } = request;
    if (signal.aborted) return Promise.reject(signal.reason);
    const pooled = this.#take(url.host);
    if (!pooled) return this.#sendAnew(url, request);
    return this.#sendOn(pooled, url, request).catch((error) => {
      if (!(error instanceof RequestFailure && error.kind === "closed")) throw error;
      return this.#sendAnew(url, request);
    });
  }

  async #sendAnew(url: URL, request: HttpRequest): Promise<HttpResponse> {
    return this.#sendOn(await connect(url, request.signal), url, request);
  }

  async #sendOn(
    connection: Connection,
    url: URL,
    request: HttpRequest,
  ): Promise<HttpResponse> {
    const { signal, method } = request;
    const close = () => connection.close();
    // Aborted while the connection came to be: no listener is told of that any more.
    if (signal.aborted) {
      close();
      throw signal.reason;
    }
    signal.addEventListener("abort", close, { once: true });
    const end = () => signal.removeEventListener("abort", close);
    try {
      // An engine may answer, and hang up, before it has read all: what it says counts.
      let isWritten = false;
      writeRequest(connection, url, request).then(() => isWritten = true, () => {});
      const head = await readHead(connection);
      return responseOf(head, method, connection, (isReusable) => {
        end();
        // An engine that has answered may never read the rest: it is not waited for (RFC 9112 section 9.6).
        const isReady = isReusable && isWritten && !isLast(head.fields, head.minor) &&
          connection.size === 0;
        if (isReady) this.#keep(url.host, connection);
        else connection.close();
      });
    } catch (error) {
      connection.close();
      end();
      throw signal.aborted ? signal.reason : error;
    }
  }

  /** Connections that nobody uses. */
  get idle(): number {
    let count = 0;
    for (const all of this.#idle.values()) {
      count += all.filter(({ connection }) => !connection.isClosed).length;
    }
    return count;
  }

  #take(host: string): Connection | undefined {
    const idle = this.#idle.get(host);
    while (idle) {
      const last = idle.pop();
      if (!last) break;
      last.connection.onEnd = undefined;
      if (!last.connection.isEnded && last.connection.size === 0) return last.connection;
      last.connection.close();
    }
    return undefined;
  }

  #keep(host: string, connection: Connection): void {
    connection.shrink();
    connection.onEnd = () => connection.close();
    // So is its end noticed; the bytes of the next answer are what this read gets otherwise.
    void connection.fill();
    const sinceMs = performance.now();
    const idle = this.#idle.get(host);
    if (idle) idle.push({ connection, sinceMs });
    else this.#idle.set(host, [{ connection, sinceMs }]);
    this.#sweep ??= setTimeout(() => this.#closeOld(), POOL_IDLE_TIMEOUT_MS);
  }

  #closeOld(): void {
    const nowMs = performance.now();
    let firstMs = Infinity;
    for (const [host, idle] of this.#idle) {
      const isOld = ({ sinceMs, connection }: IdleConnection) =>
        sinceMs + POOL_IDLE_TIMEOUT_MS <= nowMs || connection.isEnded;
      for (const each of idle) {
        if (isOld(each)) each.connection.close();
        else firstMs = Math.min(firstMs, each.sinceMs);
      }
      const kept = idle.filter((each) => !each.connection.isClosed);
      if (kept.length > 0) this.#idle.set(host, kept);
      else this.#idle.delete(host);
    }
    this.#sweep = firstMs < Infinity
      ? setTimeout(() => this.#closeOld(), firstMs + POOL_IDLE_TIMEOUT_MS - nowMs)
      : undefined;
  }
}

/** `settle`: called when all of it has been read, or nothing more will be. @throws RequestFailure */
function responseOf(
  head: ResponseHead,
  method: string,
  connection: Connection,
  settle: (isReusable: boolean) => void,
): HttpResponse {
  const framing = responseFraming(method, head);
  if (!framing) throw new RequestFailure("broken", "the length of its answer is ambiguous");
  const { status, fields } = head;
  const headers = new HeaderFields(fields);
  if (framing.kind === "length" && framing.length === 0) {
    settle(true);
    return { status, headers, body: null };
  }
  const body = new MessageBody(connection, boundaryOf(framing), {
    onWhole: () => settle(framing.kind !== "until close"),
    onCut: () => settle(false),
  });
  return { status, headers, body };
}

async function connect({ hostname, port }: URL, signal: AbortSignal): Promise<Connection> {
  try {
    return new Connection(
      await Deno.connect({
        hostname: hostname.replace(/^\[|\]$/g, ""),
        port: port === "" ? 80 : Number(port),
        signal,
      }),
    );
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new RequestFailure("refused", (error as Error).message);
  }
}

async function writeRequest(
  connection: Connection,
  { host, pathname, search }: URL,
  { method, headers, body }: HttpRequest,
): Promise<void> {
  const length = body?.length ?? (method === "POST" ? 0 : undefined);
  const text = headText(`${method} ${pathname}${search} HTTP/1.1`, [
    ["host", host],
    ...headers,
    ...(length === undefined ? [] : [["content-length", String(length)] as const]),
  ]);
  const together = body && body.length <= TOGETHER_MAX ? body.length : 0;
  const space = takeSpace(3 * text.length + together);
  try {
    let size = writeText(text, space, 0);
    if (together > 0) space.set(body!, size);
    size += together;
    await connection.write(space.subarray(0, size));
    if (body && together === 0) await connection.write(body);
  } finally {
    giveSpace(space);
  }
}

/** The head of the answer; what an engine says on the way to it is passed over. @throws RequestFailure */
async function readHead(connection: Connection): Promise<ResponseHead> {
  let looked = 0, hasBegun = false;
  for (;;) {
    const end = connection.size > looked ? headEnd(connection.bytes, looked) : -1;
    if (end >= 0) {
      const head = parseResponseHead(connection.take(end));
      if (!head) throw new RequestFailure("broken", "what came is no answer in HTTP/1.1");
      if (head.status >= 200) return head;
      if (head.status === 101) throw new RequestFailure("broken", "it switched protocols unasked");
      hasBegun = true;
      looked = 0;
      continue;
    }
    looked = connection.size;
    if (looked > HEAD_BYTES_MAX) throw new RequestFailure("broken", "its head is too long");
    if (await connection.fill()) continue;
    throw looked === 0 && !hasBegun
      ? new RequestFailure("closed", "the connection was closed before an answer")
      : new RequestFailure("broken", "the connection was closed in the head of an answer");
  }
}
