/** The headers that pass through, in either direction, and those that stop at the gateway. */
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

/** Meant for the gateway, or written anew by it or by `fetch`. */
const NOT_UPSTREAM = [
  ...HOP_BY_HOP,
  "accept-encoding",
  "content-length",
  "expect",
  "host",
  "x-cold-start",
  "x-cold-start-timeout",
];

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
  /** Sent as `Authorization: Bearer` in place of whatever the client sent. */
  readonly upstreamKey: string | undefined;
}

/** What goes upstream of a request's headers; `inbound` is not changed. */
export function upstreamHeaders(inbound: Headers, options: UpstreamHeadersOptions): Headers {
  const headers = new Headers(inbound);
  dropConnectionNamed(headers);
  for (const name of NOT_UPSTREAM) headers.delete(name);
  if (options.keepsKeys || options.upstreamKey !== undefined) {
    headers.delete("authorization");
    headers.delete("x-api-key");
  }
  if (options.upstreamKey !== undefined) {
    headers.set("authorization", `Bearer ${options.upstreamKey}`);
  }
  // Answers pass untouched only if they are not compressed on the way to us.
  headers.set("accept-encoding", "identity");
  headers.set("x-request-id", options.requestId);
  forward(headers, inbound.get("host"), options);
  return headers;
}

/** Appended behind a proxy that we trust, else told anew: anybody can claim to be somebody else. */
function forward(
  headers: Headers,
  host: string | null,
  { remoteAddr, isTrustedPeer }: UpstreamHeadersOptions,
): void {
  if (!isTrustedPeer) {
    for (const name of [...headers.keys()]) if (FORWARDED.test(name)) headers.delete(name);
  }
  headers.append("x-forwarded-for", remoteAddr);
  if (!headers.has("x-forwarded-proto")) headers.set("x-forwarded-proto", "http");
  if (host !== null && !headers.has("x-forwarded-host")) headers.set("x-forwarded-host", host);
}

/** What goes to the client of an upstream's headers; `upstream` is not changed. */
export function responseHeaders(upstream: Headers): Headers {
  const headers = new Headers(upstream);
  dropConnectionNamed(headers);
  for (const name of HOP_BY_HOP) headers.delete(name);
  return headers;
}

/** A header that `Connection` names is for that connection too. */
function dropConnectionNamed(headers: Headers): void {
  const connection = headers.get("connection");
  if (connection === null) return;
  for (const name of connection.split(",")) {
    // A name that is none cannot be a header's either.
    if (/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name.trim())) headers.delete(name.trim());
  }
}

/** The client's `x-request-id` if it is fit for a log, else a new one. */
export function requestIdOf(headers: Headers, random: Random): string {
  const id = headers.get("x-request-id");
  return id !== null && /^[A-Za-z0-9._-]{1,128}$/.test(id) ? id : random.uuid();
}
