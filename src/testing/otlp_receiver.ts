/** A collector of traces for tests: takes OTLP as JSON over HTTP, keeps the spans, and forgets all else. */
import { eventually } from "./eventually.ts";

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it has none. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "client" | undefined;
  /** `service.name` of the process. */
  readonly service: unknown;
  /** Who made it: `deno`, or the name of our tracer. */
  readonly scope: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly name: string; readonly detail: unknown }[];
  /** Ids of spans. */
  readonly links: readonly string[];
  readonly failure: string | undefined;
  readonly durationMs: number;
}

interface Value {
  readonly stringValue?: string;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
}
type Attributes = readonly { readonly key: string; readonly value: Value }[];

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code: number; readonly message: string };
}

interface ResourceSpans {
  readonly resource: { readonly attributes: Attributes };
  readonly scopeSpans: readonly {
    readonly scope: { readonly name: string };
    readonly spans: readonly Span[];
  }[];
}

const KINDS = [undefined, "internal", "server", "client"] as const;

export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  /** All that came, as it came. */
  readonly text: string[] = [];
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => this.#take(request),
  );

  /** What makes a Deno process export to it, without spans of Deno's own. */
  get env(): Readonly<Record<string, string>> {
    return {
      OTEL_DENO: "true",
      OTEL_DENO_TRACING: "false",
      OTEL_DENO_METRICS: "false",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "50",
    };
  }

  /** The span of that name for which `is` holds, once it has come. */
  async span(
    name: string,
    is: (span: ReceivedSpan) => boolean = () => true,
  ): Promise<ReceivedSpan> {
    const find = () => this.spans.find((span) => span.name === name && is(span));
    await eventually(() => find() !== undefined, 20_000);
    return find()!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  async #take(request: Request): Promise<Response> {
    const text = await request.text();
    if (new URL(request.url).pathname !== "/v1/traces") return Response.json({});
    this.text.push(text);
    const { resourceSpans } = JSON.parse(text) as { resourceSpans: ResourceSpans[] };
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = valuesOf(resource.attributes)["service.name"];
      for (const { scope, spans } of scopeSpans) {
        this.spans.push(...spans.map((span) => received(span, scope.name, service)));
      }
    }
    return Response.json({});
  }
}

function received(span: Span, scope: string, service: unknown): ReceivedSpan {
  const { traceId, spanId, parentSpanId, name, kind, events, links, status } = span;
  const tookNs = BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano);
  return {
    ...{ traceId, spanId, parentId: parentSpanId, name, scope, service, kind: KINDS[kind] },
    attributes: valuesOf(span.attributes),
    events: events.map(({ name, attributes }) => ({ name, detail: valuesOf(attributes).detail })),
    links: links.map(({ spanId }) => spanId),
    failure: status.code === 2 ? status.message : undefined,
    durationMs: Number(tookNs / 1_000_000n),
  };
}

function valuesOf(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [
    key,
    value.intValue === undefined
      ? value.stringValue ?? value.doubleValue ?? value.boolValue
      : Number(value.intValue),
  ]));
}
