/** A tracer for tests: keeps every span, numbered in the order of their beginnings. */
import type { Span, SpanAttributes, SpanContext, Tracer } from "../platform/tracer.ts";

export interface FakeSpan {
  readonly name: string;
  readonly spanId: string;
  readonly parent: SpanContext | undefined;
  readonly attributes: Record<string, string | number | boolean | undefined>;
  readonly events: { readonly name: string; readonly detail: unknown; readonly wallMs: number }[];
  /** Ids of spans. */
  readonly links: string[];
  failure: string | undefined;
  ended: boolean;
}

export class FakeTracer implements Tracer {
  isAutomatic = false;
  readonly spans: FakeSpan[] = [];
  readonly start: Tracer["start"] = (name, { parent, attributes }) => {
    const spanId = String(this.spans.length + 1).padStart(16, "0");
    const fake: FakeSpan = {
      ...{ name, spanId, parent, attributes: { ...attributes }, events: [], links: [] },
      ...{ failure: undefined, ended: false },
    };
    this.spans.push(fake);
    const traceId = parent?.traceId ?? spanId.padStart(32, "f");
    return spanOf(fake, { traceId, spanId, traceFlags: 1 });
  };

  /** By name, in the order of their beginnings. */
  named(name: string): FakeSpan[] {
    return this.spans.filter((span) => span.name === name);
  }
}

function spanOf(fake: FakeSpan, context: SpanContext): Span {
  return {
    context,
    set: (attributes: SpanAttributes) => void Object.assign(fake.attributes, attributes),
    event: (name, { detail }, wallMs) => void fake.events.push({ name, detail, wallMs }),
    link: (to) => void fake.links.push(to.spanId),
    fail: (message) => void (fake.failure = message),
    end: () => void (fake.ended = true),
    run: (work) => work(),
  };
}
