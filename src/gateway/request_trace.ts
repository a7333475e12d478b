/**
 * The span of one request, from its arrival to the last byte of its answer, and a child of it for each time that it
 * had to wait. Never the query, a header's text or anything of the body: there are keys and prompts in them.
 */
import type { Permit } from "../activator/admission.ts";
import type { Clock } from "../platform/clock.ts";
import type { SendRequest } from "../platform/http_client.ts";
import type { HeaderList } from "../platform/http_headers.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import type { Span, Tracer } from "../platform/tracer.ts";
import { readTraceParent, writeTraceParent } from "../telemetry/trace_parent.ts";
import { answerTo } from "./error_table.ts";
import { PROBES } from "./probes.ts";
import { MODEL, OUTCOME, WakeTraces } from "./wake_traces.ts";

/** What is known of a request when its response is complete. */
export interface RequestOutcome {
  readonly model: string;
  readonly status: number;
  readonly code: string | undefined;
  readonly coldStartMs: number | undefined;
}

/** All traces of one gateway. */
export class Traces {
  readonly wakes: WakeTraces;

  constructor(readonly tracer: Tracer, clock: Clock) {
    this.wakes = new WakeTraces(tracer, clock);
  }

  /** Undefined for probes: nobody looks for those, and they are many. */
  begin(request: ServerRequest, url: URL, path: string, id: string): RequestTrace | undefined {
    return PROBES.has(path) ? undefined : new RequestTrace(this, request, url, path, id);
  }
}

const TRACE = new Set(["traceparent", "tracestate"]);
const PATH_MAX = 256;
/** Paths that are worth a name of their own: what clients make up would be a name for each. */
const ROUTE =
  /\/(?:v1\/(?:chat\/completions|completions|responses|messages(?:\/count_tokens)?|embeddings|score|rerank|models|realtime|audio\/(?:transcriptions|translations|speech))|v2\/(?:embed|rerank)|(?:de)?tokenize|pooling|classify|score|rerank)$/;
/** One of a kind that has an id in it. */
const ITEM = /\/v1\/(responses|models)\/[^/]+(\/cancel)?$/;

export class RequestTrace {
  readonly #span: Span;
  /** Sent on in place of the client's, since what follows are children of our span. */
  readonly headers: HeaderList;

  constructor(
    readonly traces: Traces,
    { method, headers }: ServerRequest,
    { hostname, port, protocol }: URL,
    path: string,
    id: string,
  ) {
    const { tracer } = traces;
    const parent = readTraceParent(headers.get("traceparent"));
    const route = ROUTE.exec(path)?.[0] ?? path.match(ITEM)?.[0].replace(ITEM, "/v1/$1/{id}$2");
    this.#span = tracer.start(route === undefined ? method : `${method} ${route}`, {
      kind: "server",
      parent,
      attributes: {
        "http.request.method": method,
        "http.route": route,
        "url.path": path.slice(0, PATH_MAX),
        "url.scheme": protocol.slice(0, -1),
        "server.address": hostname,
        "server.port": port === "" ? undefined : Number(port),
        "vllm_autoscaler.request_id": id,
      },
    });
    const state = parent && headers.get("tracestate");
    this.headers = [
      ["traceparent", writeTraceParent(this.#span.context)],
      ...(state ? [["tracestate", state] satisfies [string, string]] : []),
    ];
  }

  /** For the lines of the log that are about this request. */
  get traceId(): string {
    return this.#span.context.traceId;
  }

  /** `sendRequest` within this trace. */
  within(sendRequest: SendRequest): SendRequest {
    if (!this.traces.tracer.isAutomatic) return sendRequest;
    return (url, request) => {
      if (url.protocol === "http:") return sendRequest(url, request);
      // Deno's `fetch` would write its own behind ours.
      const headers = request.headers.filter(([name]) => !TRACE.has(name));
      return this.#span.run(() => sendRequest(url, { ...request, headers }));
    };
  }

  /** What `admitted` comes to; the time until then is a span. */
  async wait(model: string, admitted: Promise<Permit>, signal: AbortSignal): Promise<Permit> {
    const { tracer, wakes } = this.traces;
    const attributes = { [MODEL]: model };
    const wait = tracer.start("wait", {
      ...{ kind: "internal", attributes },
      parent: this.#span.context,
    });
    using _linked = wakes.waiting(model, wait);
    try {
      const permit = await admitted;
      const isCold = permit.coldStartMs !== undefined;
      wait.set({ [OUTCOME]: "admitted", "vllm_autoscaler.cold_start": isCold });
      return permit;
    } catch (error) {
      if (signal.aborted) wait.set({ [OUTCOME]: "left" });
      else {
        const { code, message } = answerTo(error);
        wait.set({ [OUTCOME]: "refused", "error.type": code });
        wait.fail(message);
      }
      throw error;
    } finally {
      wait.end();
    }
  }

  /** Its response is complete. */
  end({ model, status, code, coldStartMs }: RequestOutcome): void {
    this.#span.set({
      "http.response.status_code": status,
      "gen_ai.request.model": model || undefined,
      [MODEL]: model || undefined,
      "error.type": code ?? (status >= 500 ? String(status) : undefined),
      "vllm_autoscaler.cold_start_ms": coldStartMs && Math.round(coldStartMs),
    });
    // An answer that was begun early is a 200, whatever it had to say in the end.
    if (status >= 500 || (status === 200 && code !== undefined)) this.#span.fail(code ?? "");
    this.#span.end();
  }
}
