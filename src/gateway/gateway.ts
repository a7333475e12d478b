/**
 * The gateway as one function from a request to its response: the list of its layers, what they share,
 * and the record that is made of each request when its response is complete.
 */
import type { Clock } from "../platform/clock.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import type { Handler, RequestInfo } from "../platform/http_messages.ts";
import type { Random } from "../platform/random.ts";
import { accessLayer } from "./access.ts";
import { ByteBudget } from "./budget.ts";
import { corsLayer } from "./cors.ts";
import type { ForwardOptions } from "./forward.ts";
import { requestIdOf } from "./headers.ts";
import { createInference } from "./inference.ts";
import { foldLayers, type Layer, type RequestContext } from "./layers.ts";
import { modelsLayer } from "./models.ts";
import { normalisePath } from "./paths.ts";
import { probeLayer } from "./probes.ts";
import { RequestError } from "./request_error.ts";
import { realtimeLayer } from "./realtime.ts";
import type { Traces } from "./request_trace.ts";
import { rescuer } from "./rescue.ts";
import type { SecretTools } from "../keys/secret.ts";
import type { RequestRecord } from "../telemetry/request_record.ts";

export interface GatewayOptions extends Omit<ForwardOptions, "secrets"> {
  readonly random: Random;
  readonly version: string;
  readonly files: SecretTools["files"];
  readonly env: SecretTools["env"];
  /** Told of every request when its response is complete. */
  readonly observe?: (record: RequestRecord) => void;
  /** Undefined: nothing is traced, and nothing is spent on it. */
  readonly traces?: Traces | undefined;
}

export interface Gateway {
  readonly handle: Handler;
  /** Bytes of request bodies that are held now. */
  readonly heldBytes: number;
  /** Requests whose response is not complete. */
  readonly open: number;
  /** What `/readyz` says. */
  readonly isReady: boolean;
  /** `/readyz` says 503 from now on; requests are served as before, each as the last of its connection. */
  leave(): void;
  /** Requests that come from now on are refused with 503 `draining`; those under way go on. */
  refuse(): void;
}

export function createGateway(options: GatewayOptions): Gateway {
  const { config, clock, log, version, env, files } = options;
  const budget = new ByteBudget(() => config().server.bufferedMax);
  const secrets: SecretTools = { clock, log, files, env };
  let leaving = false;
  let refusing = false;
  let open = 0;

  const layers: readonly Layer[] = [
    recordLayer(clock, (record, context) => {
      open--;
      options.observe?.(record);
      context.trace?.end(record);
    }),
    requestIdLayer,
    farewellLayer(() => leaving),
    realtimeLayer(() => config().server.bodyMax),
    corsLayer(() => config().server.cors),
    probeLayer({ version, isReady: () => !leaving }),
    drainLayer(() => refusing),
    accessLayer(() => config().server.keys, secrets),
    modelsLayer(config, Math.floor(clock.wallMs() / 1000)),
  ];
  const answer = foldLayers(
    layers,
    createInference({ ...options, budget, secrets }),
    rescuer(log),
  );

  return {
    handle(request, info) {
      const context = openContext(request, info, options);
      open++;
      return answer(request, context);
    },
    get heldBytes() {
      return budget.held;
    },
    get open() {
      return open;
    },
    get isReady() {
      return !leaving;
    },
    leave: () => void (leaving = true),
    refuse: () => void (leaving = refusing = true),
  };
}

/** What the request keeps is given back here and nowhere else: when its response is complete. */
function openContext(
  request: ServerRequest,
  info: RequestInfo,
  { clock, random, traces }: GatewayOptions,
): RequestContext {
  const url = new URL(request.url);
  const path = normalisePath(url.pathname);
  const id = requestIdOf(request.headers, random);
  const kept: Disposable[] = [];
  let isComplete = false;
  const complete = () => {
    isComplete = true;
    for (const thing of kept.splice(0)) thing[Symbol.dispose]();
  };
  let ended = Promise.resolve();
  const completed = () => void ended.then(complete);
  info.completed.then(completed, completed);
  return {
    info,
    url,
    path,
    arrivedMs: clock.nowMs(),
    id,
    trace: traces?.begin(request, url, path, id),
    key: undefined,
    model: "",
    code: undefined,
    coldStartMs: undefined,
    last: (promise) => void (ended = promise),
    keep: (thing) => isComplete ? thing[Symbol.dispose]() : void kept.push(thing),
  };
}

/** `ended`: told when the response is complete. */
function recordLayer(
  clock: Clock,
  ended: (record: RequestRecord, context: RequestContext) => void,
): Layer {
  return {
    leave(response, _, context) {
      const { arrivedMs } = context;
      const headersMs = clock.nowMs() - arrivedMs;
      context.keep({
        [Symbol.dispose]() {
          const { model, code, coldStartMs } = context;
          const durationMs = clock.nowMs() - arrivedMs;
          const { status } = response;
          ended({ model, status, code, coldStartMs, headersMs, durationMs }, context);
        },
      });
      return response;
    },
  };
}

const requestIdLayer: Layer = {
  leave(response, _, { id }) {
    response.headers.set("x-request-id", id);
    return response;
  },
};

/**
 * Whoever keeps its connection is asked for another one, at another gateway, while it is still served: what it sends just
 * when an idle connection is closed is lost, and no client may take it for refused.
 */
function farewellLayer(isLeaving: () => boolean): Layer {
  return {
    leave(response) {
      if (isLeaving()) response.headers.set("connection", "close");
      return response;
    },
  };
}

function drainLayer(isRefusing: () => boolean): Layer {
  return {
    enter() {
      if (!isRefusing()) return undefined;
      throw new RequestError("draining", "The gateway is stopping; try again in a moment");
    },
  };
}
