/**
 * Spans as a dependency. The system's are Deno's own, which Deno itself exports (OTLP) as the `OTEL_…` variables say:
 * no package is needed. Loaded only where somebody wants traces.
 */

/** Of one span, in W3C's terms; ids in lower-case hex. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  /** `server` answers a request from elsewhere. */
  readonly kind: "server" | "internal";
  /** Undefined: it begins a trace of its own. */
  readonly parent: SpanContext | undefined;
  readonly attributes: SpanAttributes;
}

export interface Span {
  readonly context: SpanContext;
  /** Undefined values are left out. */
  set(attributes: SpanAttributes): void;
  /** Something that happened in it, at `wallMs`. */
  event(name: string, attributes: SpanAttributes, wallMs: number): void;
  link(to: SpanContext): void;
  /** It did not succeed, and why. */
  fail(message: string): void;
  /** Its last word: what comes later is lost. */
  end(): void;
  /** Runs `work`; the spans that the platform itself begins in it are children of this one. */
  run<T>(work: () => T): T;
}

export interface Tracer {
  /**
   * True if the platform makes spans of its own for each `fetch`, and writes their `traceparent` behind whatever is
   * sent.
   */
  readonly isAutomatic: boolean;
  start(name: string, options: SpanOptions): Span;
}

/** Of the OpenTelemetry API, as far as Deno has it. */
interface OtelSpan {
  spanContext(): SpanContext;
  setAttributes(attributes: Record<string, string | bigint | number | boolean>): void;
  addEvent(name: string, attributes: Record<string, unknown>, wallMs: number): void;
  addLink(link: { context: SpanContext }): void;
  setStatus(status: { code: number; message: string }): void;
  end(): void;
}

/** What both Deno and the package `@opentelemetry/api` keep the current span by. */
const SPAN_KEY = Symbol.for("OpenTelemetry Context Key SPAN");
/** What Deno registers for that package. */
const GLOBAL = Symbol.for("opentelemetry.js.api.1");
const KINDS = { internal: 0, server: 1 };
const ERROR = 2;

/** Undefined if Deno exports nothing: `OTEL_DENO` is not set, or something else turns all of it off. */
export function systemTracer(name: string, version: string): Tracer | undefined {
  const { tracerProvider, contextManager } = Deno.telemetry;
  try {
    const tracer = tracerProvider.getTracer(name, version);
    // Never ended, so never exported: only this tells whether there is anything behind it.
    tracer.startSpan(name, { root: true });
    const registered = (globalThis as { [GLOBAL]?: { trace?: unknown } })[GLOBAL];
    return {
      isAutomatic: registered?.trace !== undefined,
      start(name, { kind, parent, attributes }) {
        const context = parent && { getValue: () => ({ spanContext: () => parent }) };
        const options = { kind: KINDS[kind], root: !parent, attributes: typed(attributes) };
        const span: OtelSpan = tracer.startSpan(name, options, context);
        const run = <T>(work: () => T): T =>
          contextManager.with(contextManager.active().setValue(SPAN_KEY, span), work);
        return spanOf(span, run);
      },
    };
  } catch {
    return undefined;
  }
}

function spanOf(span: OtelSpan, run: Span["run"]): Span {
  const context = span.spanContext();
  return {
    context,
    set: (attributes) => span.setAttributes(typed(attributes)),
    event: (name, attributes, wallMs) => span.addEvent(name, typed(attributes), wallMs),
    link: (to) => span.addLink({ context: to }),
    fail: (message) => span.setStatus({ code: ERROR, message }),
    end: () => span.end(),
    run,
  };
}

/** Deno sends numbers as floating ones, and what collectors know as whole ones only if it is a `bigint`. */
function typed(attributes: SpanAttributes): Record<string, string | bigint | number | boolean> {
  const all: Record<string, string | bigint | number | boolean> = {};
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    all[key] = Number.isInteger(value) ? BigInt(value) : value;
  }
  return all;
}
