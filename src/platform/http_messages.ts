/** What travels through the server and the client: a request, and what is answered to it. */
import type { AnyBody } from "./http_body.ts";
import { framingOf, type RequestHead } from "./http_head.ts";
import { HeaderFields, type HeaderList, type HttpHeaders } from "./http_headers.ts";
import type { AcceptOptions, Socket } from "./web_socket.ts";

/**
 * A request as the server knows it. `url` can always be parsed; `body` is read once, and breaks off if the client leaves;
 * `signal` aborts when the client leaves before its answer is complete.
 */
export interface ServerRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: HttpHeaders;
  readonly body: AnyBody | null;
  readonly signal: AbortSignal;
}

/** An answer; a `Response` is one. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: AnyBody | null;
}

/** What is known of one request beside itself, and may be done with it. */
export interface RequestInfo {
  /** The peer's IP address; an ingress, if there is one. */
  readonly remoteAddr: string;
  /**
   * Resolves once the response has left completely, or its connection has broken; for one that became a WebSocket, at
   * once.
   */
  readonly completed: Promise<void>;
  /** Makes a WebSocket of it, to be answered with `SwitchingProtocols`. Rejects if none can be made of it. */
  upgrade(options: AcceptOptions): Promise<Socket>;
}

export type Handler = (
  request: ServerRequest,
  info: RequestInfo,
) => HttpResponse | Promise<HttpResponse>;

/** The answer to a request that became a WebSocket: there is nothing more to send. */
export class SwitchingProtocols implements HttpResponse {
  readonly status = 101;
  readonly headers = new Headers();
  readonly body = null;
}

interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** A head that says which server and what of it, and where its body ends. */
export interface ReadableRequest extends Omit<ServerRequest, "body" | "signal"> {
  readonly framing: Exclude<ReturnType<typeof framingOf>, undefined>;
}

/** Undefined if it cannot be told; `address`: for one that names no host. */
export function readableRequest(
  { method, target, minor, fields }: RequestHead,
  address: Address,
): ReadableRequest | undefined {
  const headers = new HeaderFields(fields);
  const framing = method === "CONNECT" ? "none" : framingOf(fields, minor);
  const host = hostOf(fields, minor);
  const [, authority] = WHOLE_URL.exec(target) ?? [];
  const url = host === undefined ? undefined : urlOf({ method, target, authority }, host, address);
  if (url === undefined || framing === undefined) return undefined;
  // A whole URL names the host, whatever else does (RFC 9112 section 3.2.2).
  if (authority !== undefined) headers.set("host", authority);
  return { method, url, headers, framing };
}

/** A host and its port: with anything of a URL's other parts in it, the URL that is made of it would be another one. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@\\,[\]:]*)(?::\d*)?$/;

/** Empty if the request need not name one and does not; undefined if that is not to be told (RFC 9112 section 3.2). */
function hostOf(fields: HeaderList, minor: 0 | 1): string | undefined {
  const hosts = fields.filter(([name]) => name === "host");
  if (hosts.length > 1 || hosts.length < minor) return undefined;
  const host = hosts[0]?.[1] ?? "";
  return HOST.test(host) ? host : undefined;
}

const WHOLE_URL = /^https?:\/\/([^/?#]*)/i;

/** `authority`: what stands for one in a target that is a whole URL. */
function urlOf(
  { method, target, authority }: {
    readonly method: string;
    readonly target: string;
    readonly authority: string | undefined;
  },
  host: string,
  { hostname, port }: Address,
): string | undefined {
  const base = `http://${host || `${hostname}:${port}`}`;
  const full = target.startsWith("/")
    ? base + target
    : method === "CONNECT" || target === "*"
    ? `${base}/`
    : authority && HOST.test(authority)
    ? target
    : "";
  return URL.canParse(full) ? full : undefined;
}

/** The words of a status line; none are needed (RFC 9112 section 4). */
const REASONS: Readonly<Record<number, string>> = {
  101: "Switching Protocols",
  200: "OK",
  204: "No Content",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

export function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${REASONS[status] ?? ""}`;
}
