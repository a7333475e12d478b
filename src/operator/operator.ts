/** What operators see and steer, as one function from a request to its response: probes, metrics, the API. */
import type { Activation } from "../activator/activation.ts";
import type { Activator } from "../activator/activator.ts";
import type { StateListener } from "../activator/announcer.ts";
import { printConfig } from "../config/print.ts";
import type { Config } from "../config/spec.ts";
import type { SecretTools } from "../keys/secret.ts";
import { answerText } from "../lib/answer_text.ts";
import { derived } from "../lib/derived.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import type { ApiObserver } from "../targets/kubernetes/api.ts";
import { CONTENT_TYPE } from "../telemetry/metrics.ts";
import type { RequestRecord } from "../telemetry/request_record.ts";
import { eventStream } from "./event_stream.ts";
import { GatewayMetrics, type GatewayMetricsOptions } from "./gateway_metrics.ts";
import { Guard } from "./guard.ts";
import { Journal } from "./journal.ts";
import { LiveModels } from "./live_models.ts";
import { type ModelView, momentOf, viewOf } from "./model_view.ts";
import { openApi } from "./openapi.ts";
import { statusPage } from "./page.ts";
import { isVerb, steer, type Verb } from "./verbs.ts";

export interface OperatorOptions extends SecretTools, GatewayMetricsOptions {
  /** Where it listens. */
  readonly hostname: string;
  readonly config: () => Config;
  readonly activator: () => Activator;
  /** False once the gateway is about to stop. */
  readonly isReady: () => boolean;
}

/** What is asked without a key, wherever it listens: for the kubelet and for Prometheus. */
const OPEN = ["/livez", "/readyz", "/metrics"];

/** The handler, and what it is told of. */
export interface Operator {
  readonly handle: (request: ServerRequest) => Promise<Response>;
  answered(request: RequestRecord): void;
  changed(model: string, ...change: Parameters<StateListener>): void;
  reloaded(outcome: "success" | "failure"): void;
  /** An engine of the model could not be asked how busy it is. */
  scrapeFailed(model: string): void;
  /** Told of the talk with the API server. */
  readonly kubernetes: ApiObserver;
}

export function createOperator(options: OperatorOptions): Operator {
  const metrics = new GatewayMetrics(options);
  const journal = new Journal(options.clock);
  return {
    handle: createHandler(options, metrics, journal),
    answered: (request) => metrics.answered(request),
    changed(model, state, was) {
      journal.changed(model, state, was);
      metrics.changed(model, state, was);
    },
    reloaded: (outcome) => metrics.reloaded(outcome),
    scrapeFailed: (model) => metrics.scrapeFailed(model),
    kubernetes: metrics.kubernetes,
  };
}

function createHandler(
  options: OperatorOptions,
  metrics: GatewayMetrics,
  journal: Journal,
): Operator["handle"] {
  const guard = new Guard(options.hostname, () => options.config().server.keys, options);
  const pages = new Pages(options, metrics, journal);
  return async (request) => {
    const { pathname } = new URL(request.url);
    const refusal = OPEN.includes(pathname) ? undefined : await guard.refusal(request.headers);
    if (!refusal) return pages.answer(request, pathname);
    const { status, message } = refusal;
    const challenge = status === 401 ? { "www-authenticate": 'Basic realm="vllm-autoscaler"' } : {};
    return failure(status, message, challenge);
  };
}

class Pages {
  readonly #specs = derived(
    () => this.options.config(),
    ({ models }) => new Map(models.map((spec) => [spec.name, spec])),
  );

  readonly #live: LiveModels;

  constructor(
    readonly options: OperatorOptions,
    readonly metrics: GatewayMetrics,
    readonly journal: Journal,
  ) {
    this.#live = new LiveModels(() => this.#models(), options.clock);
  }

  answer(request: ServerRequest, path: string): Response | Promise<Response> {
    const [, name, verb] = /^\/api\/models\/([^/]+)(?:\/([a-z]+))?$/.exec(path) ?? [];
    if (name !== undefined) return this.#model(request, name, verb);
    const page = statusPage(path, request.headers) ?? this.#page(path);
    if (!page) return failure(404, `There is nothing at ${path}`);
    return request.method === "GET" || request.method === "HEAD" ? page() : notAllowed("GET");
  }

  #page(path: string): (() => Response) | undefined {
    const { metrics, journal } = this;
    const { isReady, config, clock, version } = this.options;
    switch (path) {
      case "/livez":
        return () => json({ status: "ok" });
      case "/readyz":
        return () => isReady() ? json({ status: "ready" }) : json({ status: "draining" }, 503);
      case "/metrics":
        return () => body(metrics.text(), CONTENT_TYPE);
      case "/api/models":
        return () => json({ models: this.#models() });
      case "/api/wakes":
        return () => json({ wakes: journal.wakes });
      case "/api/history":
        return () => json(this.#history());
      case "/api/config":
        return () => json(printConfig(config()));
      case "/api/openapi.json":
        return () => json(openApi(version));
      case "/api/events":
        return () =>
          new Response(eventStream(journal, this.#live, clock), {
            headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
          });
    }
    return undefined;
  }

  #model(
    request: ServerRequest,
    encoded: string,
    verb: string | undefined,
  ): Response | Promise<Response> {
    const name = decoded(encoded);
    const activation = this.options.activator().find(name);
    if (!activation) return failure(404, `There is no model '${name}'`);
    if (verb === undefined) {
      return request.method === "GET" ? json(this.#view(activation)) : notAllowed("GET");
    }
    if (!isVerb(verb)) return failure(404, `There is no '${verb}' of a model`);
    return this.#steer(request, activation, verb);
  }

  async #steer(request: ServerRequest, activation: Activation, verb: Verb): Promise<Response> {
    const spec = this.#specs().get(activation.model);
    const refusal = await steer(activation, spec, verb, request);
    if (!refusal) return json(this.#view(activation), 202);
    const { status, message } = refusal;
    return failure(status, message, status === 405 ? { allow: "POST" } : {});
  }

  #history(): unknown {
    const { clock, activator } = this.options;
    return {
      now: momentOf(clock.nowMs(), clock),
      since: this.journal.since,
      models: [...activator().activations].map(({ model }) => this.journal.history(model)),
    };
  }

  #models(): ModelView[] {
    return [...this.options.activator().activations].flatMap((each) => this.#view(each) ?? []);
  }

  #view(activation: Activation): ModelView | undefined {
    const spec = this.#specs().get(activation.model);
    return spec && viewOf(activation, spec, this.options.clock);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function notAllowed(method: string): Response {
  return failure(405, `Use ${method}`, { allow: method });
}

function failure(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return json({ error: { message } }, status, headers);
}

function json(
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return body(JSON.stringify(value) + "\n", "application/json", status, headers);
}

function body(
  text: string,
  type: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const plain = { "cache-control": "no-store", "x-content-type-options": "nosniff" };
  return answerText(text, type, { status, headers: { ...headers, ...plain } });
}
