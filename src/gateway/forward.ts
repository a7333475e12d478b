/** One resolved request on its way: what goes upstream, how long it may wait, and how its answer returns. */
import type { ModelSpec } from "../config/spec.ts";
import { createCidrMatcher } from "../lib/cidr.ts";
import type { Clock } from "../platform/clock.ts";
import type { SendRequest } from "../platform/http_client.ts";
import { HeaderFields, type HeaderList } from "../platform/http_headers.ts";
import type { HttpResponse, ServerRequest } from "../platform/http_messages.ts";
import type { Tcp } from "../platform/tcp.ts";
import type { ConnectWebSocket } from "../platform/web_socket.ts";
import type { Log } from "../telemetry/log.ts";
import { requireModel } from "./access.ts";
import { Cancellation } from "./cancellation.ts";
import { derived } from "../lib/derived.ts";
import { earlyAnswer } from "./early_answer.ts";
import { type Answer, type Exchange, exchange } from "./exchange.ts";
import { responseHeaders, upstreamHeaders } from "./headers.ts";
import { answerInTime } from "./keep_alive.ts";
import type { RequestContext } from "./layers.ts";
import type { RequestBody } from "./request_body.ts";
import { RequestError } from "./request_error.ts";
import type { RouteMatch } from "./routes.ts";
import type { SecretTools } from "../keys/secret.ts";
import type { Outgoing } from "./send.ts";
import type { Snapshot } from "./snapshot.ts";
import { hasUpstreamKey, UpstreamKeys } from "./upstream_keys.ts";
import { waitMaxMs } from "./wait_limit.ts";

export interface ForwardOptions {
  /** The configuration as it is now. */
  config(): Snapshot;
  /** Over the pool of connections to a model's upstream. */
  sendRequest(spec: ModelSpec): SendRequest;
  /** Opens WebSockets to it. */
  connectWebSocket(spec: ModelSpec): ConnectWebSocket;
  readonly tcp: Tcp;
  readonly clock: Clock;
  readonly log: Log;
  readonly secrets: SecretTools;
}

/** A request that is known to be for one model. */
export interface Call {
  readonly request: ServerRequest;
  readonly context: RequestContext;
  readonly match: RouteMatch;
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
  /** `never` if it must not wake the model. */
  readonly coldStart: "wait" | "never";
  /** Throws what is wrong with it; called before it waits. */
  validate(): void;
}

export class Forwarder {
  readonly #keys: UpstreamKeys;
  readonly #isTrusted: () => (address: string) => boolean;

  constructor(readonly options: ForwardOptions) {
    this.#keys = new UpstreamKeys(options.secrets);
    this.#isTrusted = derived(() => options.config().server.trustedProxies, createCidrMatcher);
  }

  /** Sends `call`, once it may, and returns the upstream's answer. @throws as `exchange` does */
  async answer(call: Call): Promise<Answer> {
    return await exchange(await this.prepare(call), this.options);
  }

  /** The same as the client's response, begun early if it has to wait for long. */
  async respond(call: Call, body: RequestBody | undefined): Promise<HttpResponse> {
    const { request, context, match: { spec } } = call;
    const prepared = await this.prepare(call);
    const { clock, log } = this.options;
    const { cancellation } = prepared;
    const early = body &&
      earlyAnswer({ request, context, spec, cancellation, fields: body.fields, clock, log });
    if (!early) return passThrough(await exchange(prepared, this.options), context);
    const waiting = {
      ...prepared,
      waitMaxMs: waitMaxMs(request.headers, early.earlyHeadersAfterMs),
    };
    const answer = await answerInTime(
      early,
      (onWait) => exchange({ ...waiting, onWait }, this.options),
    );
    return "response" in answer ? passThrough(answer, context) : answer;
  }

  /** `call` as it is to be sent, once it may. */
  async prepare({ request, context, match, bytes, coldStart, validate }: Call): Promise<Exchange> {
    const { spec } = match;
    const sendRequest = this.options.sendRequest(spec);
    context.model = spec.name;
    requireModel(context, spec.name);
    const upstreamKey = await this.#keys.of(spec);
    const outgoing: Outgoing = {
      method: request.method,
      path: match.path,
      search: context.url.search,
      headers: this.#headers(request, context, spec, upstreamKey),
      body: bytes,
    };
    return {
      ...{ context, spec, outgoing, coldStart, validate },
      cancellation: new Cancellation(request.signal),
      sendRequest: context.trace?.within(sendRequest) ?? sendRequest,
      waitMaxMs: waitMaxMs(request.headers, Infinity),
      admission: () => {
        const admission = this.options.config().admission(spec.name);
        if (admission) return admission;
        throw new RequestError("model_not_found", `Model '${spec.name}' was removed just now`);
      },
    };
  }

  /** True if the client's keys are the gateway's own, or replaced by one: they go nowhere. */
  keepsKeys(spec: ModelSpec): boolean {
    return this.options.config().server.keys.length > 0 || hasUpstreamKey(spec);
  }

  #headers(
    { headers }: ServerRequest,
    { id, trace, info: { remoteAddr } }: RequestContext,
    spec: ModelSpec,
    upstreamKey: string | undefined,
  ): HeaderList {
    return upstreamHeaders(headers, {
      requestId: id,
      trace: trace?.headers,
      remoteAddr,
      isTrustedPeer: this.#isTrusted()(remoteAddr),
      keepsKeys: this.keepsKeys(spec),
      upstreamKey,
    });
  }
}

/** The upstream's answer as the client's: other headers, the same bytes, handed on unread. */
export function passThrough({ response }: Answer, context: RequestContext): HttpResponse {
  const { status, body } = response;
  const headers = new HeaderFields(responseHeaders(response.headers));
  if (context.coldStartMs !== undefined) {
    headers.set("x-cold-start-ms", String(Math.round(context.coldStartMs)));
  }
  return { status, headers, body };
}
