/** The header `traceparent` (W3C Trace Context): which trace a request belongs to, and whose child it is. */
import type { SpanContext } from "../platform/tracer.ts";

const FORM = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** Undefined if it is none that can be believed; a later version may say more behind what we know. */
export function readTraceParent(text: string | null): SpanContext | undefined {
  const [, version, traceId, spanId, flags, more] = FORM.exec(text ?? "") ?? [];
  if (traceId === undefined || version === "ff" || (version === "00" && more)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId!)) return undefined;
  return { traceId, spanId: spanId!, traceFlags: parseInt(flags!, 16) & 1 };
}

export function writeTraceParent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
