/**
 * One WebSocket of a client and the one to its model: frames wait, in bounded memory, until the model is up, then
 * pass as they come. Its permit is held while frames flow: after an idle timeout without one, both are closed, or
 * a forgotten connection would keep a model awake for ever.
 */
import type { ServerRequest } from "../platform/http_messages.ts";
import type { Socket } from "../platform/web_socket.ts";
import { keyHeaders } from "./access.ts";
import type { Lease } from "./budget.ts";
import { Cancellation } from "./cancellation.ts";
import { CLOSE, closeCodeOf, closeReason } from "./close_codes.ts";
import { type Exchange, handOver, unanswered } from "./exchange.ts";
import type { Forwarder } from "./forward.ts";
import type { InferenceOptions } from "./inference.ts";
import type { RequestContext } from "./layers.ts";
import { type Opened, openSocket } from "./open_socket.ts";
import { RequestError } from "./request_error.ts";
import { rescue } from "./rescue.ts";
import type { Resolved, RouteQuery } from "./routes.ts";
import { upstreamUrl } from "./send.ts";
import {
  type Frame,
  greeting,
  isGreeting,
  namedModel,
  renamed,
  renamedSearch,
} from "./session_frames.ts";

/** Bytes on their way to one side of a session, from which on the other side is not read. */
const BUFFERED_MAX = 2 ** 20;

export interface RealtimeSessionOptions {
  readonly request: ServerRequest;
  readonly context: RequestContext;
  readonly options: InferenceOptions;
  readonly forwarder: Forwarder;
  readonly query: RouteQuery;
  /** Undefined: the first frame says which model. */
  readonly match: Resolved | undefined;
}

export class RealtimeSession {
  /** Settles when both sockets are closed, or will be. */
  readonly ended: Promise<void>;
  readonly #waiting: Frame[] = [];
  readonly #held: Lease;
  readonly #cancellation = new Cancellation(new AbortController().signal);
  readonly #first = Promise.withResolvers<Frame>();
  readonly #over = Promise.withResolvers<void>();
  #upstream: Socket | undefined;
  /** True while the next frame of the engine may be a greeting that the client has had already. */
  #isGreeted: boolean;
  #lastFrameMs = 0;

  constructor(readonly client: Socket, readonly session: RealtimeSessionOptions) {
    this.#held = session.options.budget.take();
    this.#isGreeted = session.match === undefined;
    client.onmessage = ({ data }) => this.#fromClient(data as Frame);
    client.onclose = ({ code, reason }) => this.#clientLeft(code, reason);
    // Nobody waits for it where the model is known.
    this.#first.promise.catch(() => {});
    this.ended = this.#run();
  }

  async #run(): Promise<void> {
    try {
      const match = this.session.match ?? await this.#matchOfFirst();
      this.#relay(await this.#reach(match), match);
      using _quiet = this.#endWhenQuiet(match);
      await this.#over.promise;
    } catch (error) {
      if (!this.#cancellation.left) this.#refuse(error);
    } finally {
      this.#held[Symbol.dispose]();
    }
  }

  /** Says why in the close frame, and does no more for the client. */
  #refuse(error: unknown): void {
    const told = rescue(error, this.session.context, this.session.options.log);
    close(this.client, closeCodeOf(told), told.message);
    this.#leave();
  }

  /** The model that `session.update` names, as vLLM's clients do; without one, that of the default route. */
  async #matchOfFirst(): Promise<Resolved> {
    const { context: { id }, options: { config, clock }, query } = this.session;
    this.client.send(greeting(id, clock.wallMs()));
    const { bodyTimeoutMs } = config().server;
    using _limit = clock.timer(bodyTimeoutMs, () =>
      this.#first.reject(
        new RequestError(
          "request_timeout",
          `Which model? No ?model= and no session.update within ${bodyTimeoutMs / 1000} s`,
        ),
      ));
    const model = namedModel(await this.#first.promise);
    const { routes, dropIn } = config();
    return routes.resolve(query, dropIn ? undefined : model);
  }

  /** The socket to the model, once it is up. @throws as `exchange` does */
  async #reach(match: Resolved): Promise<Socket> {
    const { request, context, options, forwarder } = this.session;
    const prepared = await forwarder.prepare({
      ...{ request, context, match, bytes: undefined },
      coldStart: request.headers.get("x-cold-start") === "never" ? "never" : "wait",
      validate() {},
    });
    const exchange = { ...prepared, cancellation: this.#cancellation };
    const { socket } = await handOver(
      exchange,
      options,
      (endpoint) => this.#open(exchange, endpoint, match),
      (sent) =>
        sent.kind === "broken"
          ? new RequestError(
            "upstream_unreachable",
            `Model '${match.spec.name}' takes no WebSocket at ${match.path}`,
          )
          : unanswered(exchange, sent),
    );
    return socket;
  }

  #open(exchange: Exchange, endpoint: string, { rename }: Resolved): Promise<Opened> {
    const { request, options, forwarder } = this.session;
    const { outgoing, spec } = exchange;
    const { search } = outgoing;
    const url = upstreamUrl(endpoint, {
      ...outgoing,
      search: rename === undefined ? search : renamedSearch(search, rename),
    });
    return openSocket(url, {
      ...{ tcp: options.tcp, clock: options.clock, cancellation: this.#cancellation },
      connectTimeoutMs: spec.connectTimeoutMs,
      responseTimeoutMs: spec.responseTimeoutMs,
      connectWebSocket: options.connectWebSocket(spec),
      headers: [
        ...outgoing.headers.filter(([name]) => !name.startsWith("sec-websocket-")),
        ...(forwarder.keepsKeys(spec) ? [] : keyHeaders(request.headers)),
      ],
      messageMax: options.config().server.bodyMax,
      onFrame: (frame, from) => this.#fromUpstream(frame, from),
      onEnd: (code, reason) => this.#upstreamLeft(code, reason),
    });
  }

  #relay(upstream: Socket, match: Resolved): void {
    this.#upstream = upstream;
    // How long it waited for its model says nothing of how quiet it is.
    this.#lastFrameMs = this.session.options.clock.nowMs();
    const [first, ...others] = this.#waiting.splice(0);
    this.#held[Symbol.dispose]();
    const pass = (frame: Frame) => this.#pass(frame, this.client, upstream);
    const passOn = () => void (this.client.onmessage = ({ data }) => pass(data as Frame));
    this.client.onmessage = ({ data }) => {
      pass(this.#renamed(data as Frame, match));
      passOn();
    };
    if (first === undefined) return;
    for (const frame of [this.#renamed(first, match), ...others]) pass(frame);
    passOn();
  }

  /** The first frame with the name that the engine knows its model by. */
  #renamed(first: Frame, { spec }: Resolved): Frame {
    const { routes, dropIn } = this.session.options.config();
    return dropIn ? first : renamed(first, (model) => {
      try {
        const match = routes.resolve(this.session.query, model);
        return match.spec.name === spec.name ? match.rename : undefined;
      } catch {
        return undefined;
      }
    });
  }

  /** A frame that comes before there is a socket to send it to. */
  #fromClient(data: Frame): void {
    try {
      this.#held.grow(typeof data === "string" ? 2 * data.length : data.byteLength);
      this.#waiting.push(data);
      this.#first.resolve(data);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #fromUpstream(data: Frame, from: Socket): void {
    const isSecond = this.#isGreeted && isGreeting(data);
    this.#isGreeted = false;
    if (!isSecond) this.#pass(data, from, this.client);
  }

  /** What one side says faster than the other one reads waits with who says it. */
  #pass(data: Frame, from: Socket, to: Socket): void {
    this.#lastFrameMs = this.session.options.clock.nowMs();
    if (to.readyState !== to.OPEN) return;
    to.send(data, () => {
      if (from.isPaused && to.bufferedAmount < BUFFERED_MAX) from.resume();
    });
    if (to.bufferedAmount >= BUFFERED_MAX) from.pause();
  }

  #upstreamLeft(code: number, reason: string): void {
    // 1006: it said nothing at all. 1005: it said no code.
    if (code === 1006) {
      const { context } = this.session;
      this.#refuse(
        new RequestError(
          "upstream_unreachable",
          `The server of model '${context.model}' broke the connection`,
        ),
      );
    } else close(this.client, code === 1005 ? 1000 : code, reason);
    this.#over.resolve();
  }

  #clientLeft(code: number, reason: string): void {
    this.#leave(code === 1000 || code >= 3000 ? code : 1000, reason);
  }

  /** Nothing more is done for the client: not admitted, not connected, not relayed. */
  #leave(code = 1000, reason = ""): void {
    this.#cancellation.leave();
    this.#first.reject(new Error("the client has gone"));
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
      this.#leave();
    };
    look();
    return { [Symbol.dispose]: () => timer?.[Symbol.dispose]() };
  }
}

/** Closes what may be closed already. */
function close(socket: Socket, code: number, reason: string): void {
  // One that was told to wait would not hear the other side's goodbye.
  socket.resume();
  socket.close(code, closeReason(reason));
}
