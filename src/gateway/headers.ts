/** The headers that pass through, in either direction, and those that stop at the gateway. */
import type { HeaderList, HttpHeaders } from "../platform/http_headers.ts";
import type { Random } from "../platform/random.ts";

/** For one connection only (RFC 9110 section 7.6.1), and what belongs to its framing. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

const NOT_DOWNSTREAM = new Set(HOP_BY_HOP);

/** Meant for the gateway, or written anew by it or by `fetch`. */
const NOT_UPSTREAM = new Set([
  ...HOP_BY_HOP,
  "accept-encoding",
  "content-length",
  "expect",
  "host",
  "x-cold-start",
  "x-cold-start-timeout",
  "x-request-id",
]);

const TRACE = new Set(["traceparent", "tracestate"]);
const KEYS = new Set(["authorization", "x-api-key"]);

/** Hyper's servers take 100 at most; more than that come together, those of one name in one. */
const FIELDS_MAX = 64;

/** What proxies say of the client. */
const FORWARDED = /^(?:forwarded$|x-forwarded-)/;

export interface UpstreamHeadersOptions {
  readonly requestId: string;
  /** The peer's address. */
  readonly remoteAddr: string;
  /** True if the peer is a proxy whose forwarding headers are believed. */
  readonly isTrustedPeer: boolean;
  /** True if the gateway checks client keys: they are its own and go nowhere. */
  readonly keepsKeys: boolean;
  /** What says which trace it belongs to, in place of what the client said; undefined: that goes on as it is. */
  readonly trace: HeaderList | undefined;
  /** Sent as `Authorization: Bearer` in place of whatever the client sent. */
  readonly upstreamKey: string | undefined;
}

/** What goes upstream of a request's headers. */
export function upstreamHeaders(inbound: HttpHeaders, options: UpstreamHeadersOptions): HeaderList {
  const { requestId, keepsKeys, upstreamKey, trace } = options;
  const hidesKeys = keepsKeys || upstreamKey !== undefined;
  const list = passing(
    inbound,
    (name) =>
      !NOT_UPSTREAM.has(name) && !FORWARDED.test(name) && !(hidesKeys && KEYS.has(name)) &&
      !(trace && TRACE.has(name)),
  );
  if (trace) list.push(...trace);
  if (upstreamKey !== undefined) list.push(["authorization", `Bearer ${upstreamKey}`]);
  // Answers pass untouched only if they are not compressed on the way to us.
  list.push(["accept-encoding", "identity"], ["x-request-id", requestId]);
  list.push(...forwarded(inbound, options));
  return list.length > FIELDS_MAX ? [...new Headers(list)] : list;
}

/** Appended behind a proxy that we trust, else told anew: anybody can claim to be somebody else. */
function forwarded(
  inbound: HttpHeaders,
  { remoteAddr, isTrustedPeer }: UpstreamHeadersOptions,
): Map<string, string> {
  const told = new Map(isTrustedPeer ? passing(inbound, (name) => FORWARDED.test(name)) : []);
  const append = (name: string, value: string) => {
    const before = told.get(name);
    told.set(name, before === undefined ? value : `${before}, ${value}`);
  };
  append("x-forwarded-for", remoteAddr);
  // The newer form goes on only where it was begun (RFC 7239: brackets and quotes around IPv6).
  const node = remoteAddr.includes(":") ? `"[${remoteAddr}]"` : remoteAddr;
  if (told.has("forwarded")) append("forwarded", `for=${node}`);
  if (!told.has("x-forwarded-proto")) told.set("x-forwarded-proto", "http");
  const host = inbound.get("host");
  if (host !== null && !told.has("x-forwarded-host")) told.set("x-forwarded-host", host);
  return told;
}

/** What goes to the client of an upstream's headers. */
export function responseHeaders(upstream: HttpHeaders): HeaderList {
  return passing(upstream, (name) => !NOT_DOWNSTREAM.has(name));
}

/** Those that `passes` lets through, without what `Connection` names: that is for one connection too. */
function passing(headers: HttpHeaders, passes: (name: string) => boolean): HeaderList {
  const connection = headers.get("connection");
  const named = connection === null
    ? undefined
    : new Set(connection.toLowerCase().split(",").map((name) => name.trim()));
  const list: HeaderList = [];
  headers.forEach((value, name) => {
    if (passes(name) && !named?.has(name)) list.push([name, value]);
  });
  return list;
}

/** The client's `x-request-id` if it is fit for a log, else a new one. */
export function requestIdOf(headers: HttpHeaders, random: Random): string {
  const id = headers.get("x-request-id");
  return id !== null && /^[A-Za-z0-9._-]{1,128}$/.test(id) ? id : random.uuid();
}
