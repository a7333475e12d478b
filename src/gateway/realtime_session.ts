/**
 * One WebSocket of a client and the one to its model: frames wait, in bounded memory, until the model is up, then
 * pass as they come. Its permit is held while frames flow: after an idle timeout without one, both are closed, or
 * a forgotten connection would keep a model awake for ever.
 */
import type { Lease } from "./budget.ts";
import { Cancellation } from "./cancellation.ts";
import { KEY_PROTOCOL, offeredProtocols } from "./access.ts";
import { admit, type Exchange } from "./exchange.ts";
import type { Forwarder } from "./forward.ts";
import { hasUpstreamKey } from "./upstream_keys.ts";
import type { InferenceOptions } from "./inference.ts";
import type { RequestContext } from "./layers.ts";
import { isRefusal, type Socket } from "../platform/web_socket.ts";
import { CLOSE, closeCodeOf, closeReason } from "./realtime.ts";
import { renameModel } from "./fields.ts";
import { RequestError } from "./request_error.ts";
import { rescue } from "./rescue.ts";
import type { Resolved, RouteQuery } from "./routes.ts";
import { scanJson } from "./scan_json.ts";
import { upstreamUrl } from "./send.ts";

export interface RealtimeSessionOptions {
  readonly request: Request;
  readonly context: RequestContext;
  readonly options: InferenceOptions;
  readonly forwarder: Forwarder;
  readonly query: RouteQuery;
  /** Undefined: the first frame says which model. */
  readonly match: Resolved | undefined;
}

type Frame = string | ArrayBuffer;

/** A refused connection is tried elsewhere once, as any request is. */
const REFUSALS_MAX = 1;

export class RealtimeSession {
  /** Settles when both sockets are closed, or will be. */
  readonly ended: Promise<void>;
  readonly #waiting: Frame[] = [];
  readonly #held: Lease;
  readonly #cancellation = new Cancellation(new AbortController().signal);
  readonly #first = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  #upstream: Socket | undefined;
  #lastFrameMs: number;

  constructor(readonly client: Socket, readonly session: RealtimeSessionOptions) {
    const { clock, budget } = session.options;
    this.#held = budget.take();
    this.#lastFrameMs = clock.nowMs();
    client.binaryType = "arraybuffer";
    client.onmessage = ({ data }) => this.#fromClient(data);
    client.onclose = ({ code, reason }) => this.#clientLeft(code, reason);
    // Nobody waits for it where the model is known.
    this.#first.promise.catch(() => {});
    this.ended = this.#run();
  }

  async #run(): Promise<void> {
    const { context, options } = this.session;
    try {
      const match = this.session.match ?? await this.#matchOfFirst();
      await this.#reach(match);
      using _quiet = this.#endWhenQuiet(match);
      await this.#over.promise;
    } catch (error) {
      if (this.#cancellation.left) return;
      const told = rescue(error, context, options.log);
      close(this.client, closeCodeOf(told), told.message);
    } finally {
      this.#held[Symbol.dispose]();
    }
  }

  /** The model that `session.update` names, as vLLM's clients do; without one, that of the default route. */
  async #matchOfFirst(): Promise<Resolved> {
    const { options, query } = this.session;
    const { bodyTimeoutMs } = options.config().server;
    using _limit = options.clock.timer(bodyTimeoutMs, () =>
      this.#first.reject(
        new RequestError(
          "request_timeout",
          `Which model? No ?model= and no session.update within ${bodyTimeoutMs / 1000} s`,
        ),
      ));
    await this.#first.promise;
    const { routes, dropIn } = options.config();
    const [frame] = this.#waiting;
    const bytes = typeof frame === "string" ? new TextEncoder().encode(frame) : undefined;
    const fields = bytes && scanJson(bytes);
    const match = routes.resolve(query, dropIn ? undefined : fields?.model);
    if (fields && match.rename !== undefined) {
      this.#waiting[0] = new TextDecoder().decode(renameModel(bytes, fields, match.rename, "json"));
    }
    return match;
  }

  /** Opens the socket to the model, when it is up. @throws as `exchange` does */
  async #reach(match: Resolved): Promise<void> {
    const { request, context, options, forwarder } = this.session;
    const prepared = await forwarder.prepare({
      ...{ request, context, match, bytes: undefined },
      coldStart: request.headers.get("x-cold-start") === "never" ? "never" : "wait",
      validate() {},
    });
    const exchange = { ...prepared, cancellation: this.#cancellation };
    for (let refusals = 0;; refusals++) {
      const permit = await admit(exchange, options);
      const failure = await this.#connect(exchange, permit.endpoint, match);
      if (failure === undefined) return;
      options.log.warn("upstream failed", {
        ...{ model: match.spec.name, requestId: context.id, endpoint: permit.endpoint },
        reason: failure,
      });
      const refused = isRefusal(failure);
      if (refused) permit.refused();
      permit[Symbol.dispose]();
      if (!refused || refusals === REFUSALS_MAX) {
        throw new RequestError(
          "upstream_unreachable",
          `Model '${match.spec.name}' takes no WebSocket at ${match.path}`,
        );
      }
    }
  }

  /** Undefined once it is open; else why it did not open. */
  async #connect(
    { outgoing, spec }: Exchange,
    endpoint: string,
    { rename }: Resolved,
  ): Promise<string | undefined> {
    const { request, options } = this.session;
    const url = upstreamUrl(endpoint, outgoing);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    if (rename !== undefined && url.searchParams.has("model")) {
      url.searchParams.set("model", rename);
    }
    const hidesKeys = options.config().server.keys.length > 0 || hasUpstreamKey(spec);
    const upstream = options.connectWebSocket(url, {
      headers: outgoing.headers.filter(([name]) => !name.startsWith("sec-websocket-")),
      protocols: offeredProtocols(request.headers)
        .filter((name) => !(hidesKeys && name.startsWith(KEY_PROTOCOL))),
    });
    upstream.binaryType = "arraybuffer";
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    upstream.onopen = () => resolve(undefined);
    upstream.onerror = (event) => resolve((event as ErrorEvent).message || "it failed");
    upstream.onclose = () => resolve("it was closed at once");
    using _limit = options.clock.timer(
      spec.connectTimeoutMs + spec.responseTimeoutMs,
      () => resolve("it did not open in time"),
    );
    const failure = await promise;
    if (failure !== undefined || this.#cancellation.left) close(upstream, 1000, "");
    else this.#relay(upstream);
    return failure;
  }

  #relay(upstream: Socket): void {
    this.#upstream = upstream;
    upstream.onmessage = ({ data }) => this.#pass(data, this.client);
    upstream.onerror = null;
    upstream.onclose = ({ code, reason }) => {
      // 1005: it said no code. 1006: it said nothing at all.
      if (code === 1006 || code === 0) {
        close(this.client, CLOSE.failed, "The model's server broke the connection");
      } else close(this.client, code === 1005 ? 1000 : code, reason);
      this.#over.resolve();
    };
    for (const frame of this.#waiting.splice(0)) this.#pass(frame, upstream);
    this.#held[Symbol.dispose]();
  }

  #fromClient(data: Frame): void {
    if (this.#upstream) return this.#pass(data, this.#upstream);
    this.#lastFrameMs = this.session.options.clock.nowMs();
    try {
      this.#held.grow(typeof data === "string" ? 2 * data.length : data.byteLength);
      this.#waiting.push(data);
      this.#first.resolve();
    } catch (error) {
      this.#first.reject(error);
      const told = rescue(error, this.session.context, this.session.options.log);
      close(this.client, closeCodeOf(told), told.message);
    }
  }

  /** A socket cannot be told to wait: who does not read is let go, before its frames fill the memory. */
  #pass(data: Frame, to: Socket): void {
    const { clock, config } = this.session.options;
    this.#lastFrameMs = clock.nowMs();
    if (to.readyState !== to.OPEN) return;
    to.send(data);
    if (to.bufferedAmount <= config().server.bodyMax) return;
    close(this.client, CLOSE.again, "More frames wait than may be held (bodyMax)");
    this.#endUpstream(1000, "");
  }

  #clientLeft(code: number, reason: string): void {
    this.#cancellation.leave();
    this.#first.reject(new Error("the client has gone"));
    this.#endUpstream(code === 1000 || code >= 3000 ? code : 1000, reason);
  }

  #endUpstream(code: number, reason: string): void {
    if (this.#upstream) close(this.#upstream, code, reason);
    this.#over.resolve();
  }

  #endWhenQuiet({ spec: { idleTimeoutMs } }: Resolved): Disposable {
    const { clock } = this.session.options;
    let timer: Disposable | undefined;
    const look = () => {
      const leftMs = this.#lastFrameMs + idleTimeoutMs - clock.nowMs();
      if (leftMs > 0) return void (timer = clock.timer(leftMs, look));
      close(this.client, CLOSE.goingAway, `No frame for ${idleTimeoutMs / 1000} s (idleTimeout)`);
      this.#endUpstream(1000, "");
    };
    look();
    return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
  }
}

/** Closes what may be closed already. */
function close(socket: Socket, code: number, reason: string): void {
  if (socket.readyState >= socket.CLOSING) return;
  const end = () => socket.close(code, closeReason(reason));
  if (socket.readyState === socket.CONNECTING) socket.onopen = end;
  else end();
}
