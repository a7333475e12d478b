/** One attempt to send a request to one endpoint, bounded until the response's headers are there. */
import type { Clock } from "../platform/clock.ts";
import type { SendRequest } from "../platform/http_client.ts";
import { cancelBody } from "../platform/http_body.ts";
import type { HeaderList } from "../platform/http_headers.ts";
import type { HttpResponse } from "../platform/http_messages.ts";
import type { Tcp } from "../platform/tcp.ts";
import type { Cancellation } from "./cancellation.ts";
import { fetchFailure, fetchReason } from "./fetch_failure.ts";

/** What goes upstream; the same for every attempt. */
export interface Outgoing {
  readonly method: string;
  /** Behind the endpoint's own path. */
  readonly path: string;
  /** With its `?`, or empty. */
  readonly search: string;
  readonly headers: HeaderList;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
}

export interface SendOptions extends WatchOptions {
  readonly sendRequest: SendRequest;
}

export interface WatchOptions {
  readonly tcp: Tcp;
  readonly clock: Clock;
  /** Without headers for so long, one bare connection tells whether anybody is there. */
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly cancellation: Cancellation;
}

export type Sent =
  | { readonly kind: "answered"; readonly response: HttpResponse }
  | Unanswered;

export type Unanswered =
  /** Nobody took it: it may be sent elsewhere. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The connection ended without an answer: whether work had begun is not known. */
  | { readonly kind: "closed"; readonly reason: string }
  | { readonly kind: "broken"; readonly reason: string }
  | { readonly kind: "silent" };

/** @throws the signal's reason when the client has gone */
export async function send(
  outgoing: Outgoing,
  endpoint: string,
  options: SendOptions,
): Promise<Sent> {
  const { method, headers, body } = outgoing;
  const { signal } = options.cancellation;
  using watch = new HeaderWatch(endpoint, options);
  try {
    const response = await options.sendRequest(upstreamUrl(endpoint, outgoing), {
      ...{ method, headers, signal, redirect: "manual" },
      ...(body ? { body } : {}),
    });
    const { status } = response;
    if (status >= 200 && status <= 599) return { kind: "answered", response };
    cancelBody(response.body);
    return { kind: "broken", reason: `answered with status ${status}` };
  } catch (error) {
    if (options.cancellation.left) throw error;
    if (watch.verdict) return watch.verdict;
    const failure = fetchFailure(error);
    return { kind: failure === "other" ? "broken" : failure, reason: fetchReason(error) };
  }
}

/** An endpoint has a host and neither query nor fragment, a path begins with `/`: `//other` names no other host here. */
export function upstreamUrl(endpoint: string, { path, search }: Outgoing): URL {
  return new URL(endpoint.replace(/\/$/, "") + path + search);
}

/**
 * One timer at a time until the headers have come, none after: neither `fetch` nor a `WebSocket` has timeouts of
 * its own. What takes too long is given up by its cancellation.
 */
export class HeaderWatch implements Disposable {
  /** Why the attempt was given up; undefined if it was not. */
  verdict: Unanswered | undefined;
  readonly #sentMs: number;
  #timer: Disposable;
  #isOver = false;

  constructor(readonly endpoint: string, readonly options: WatchOptions) {
    const { clock, connectTimeoutMs, responseTimeoutMs } = options;
    this.#sentMs = clock.nowMs();
    this.#timer = responseTimeoutMs <= connectTimeoutMs
      ? this.#waitOn()
      : clock.timer(connectTimeoutMs, () => void this.#probe());
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#timer[Symbol.dispose]();
  }

  #waitOn(): Disposable {
    const { clock, responseTimeoutMs } = this.options;
    return clock.timer(
      this.#sentMs + responseTimeoutMs - clock.nowMs(),
      () => this.#giveUp({ kind: "silent" }),
    );
  }

  async #probe(): Promise<void> {
    const { tcp, connectTimeoutMs, cancellation } = this.options;
    const { hostname, port } = addressOf(this.endpoint);
    const reached = await tcp.connect(hostname, port, connectTimeoutMs).catch(() => "accepted");
    if (this.#isOver || cancellation.left) return;
    if (reached === "accepted") this.#timer = this.#waitOn();
    else this.#giveUp({ kind: "refused", reason: `a new connection is ${reached}` });
  }

  #giveUp(why: Unanswered): void {
    this.verdict = why;
    this.options.cancellation.giveUp();
  }
}

function addressOf(endpoint: string): { hostname: string; port: number } {
  const { protocol, hostname, port } = new URL(endpoint);
  return {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
  };
}
