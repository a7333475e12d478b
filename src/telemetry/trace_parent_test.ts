import { expect } from "expect";
import { readTraceParent, writeTraceParent } from "./trace_parent.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

Deno.test("readTraceParent() reads what writeTraceParent() writes", () => {
  for (const traceFlags of [0, 1]) {
    const context = { traceId: TRACE, spanId: SPAN, traceFlags };
    expect(readTraceParent(writeTraceParent(context))).toEqual(context);
  }
});

Deno.test("readTraceParent() takes of a later version what it knows, and of flags the one that it knows", () => {
  const known = { traceId: TRACE, spanId: SPAN, traceFlags: 1 };
  expect(readTraceParent(`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`)).toEqual(known);
  expect(readTraceParent(`00-${TRACE}-${SPAN}-ff`)).toEqual(known);
});

Deno.test("readTraceParent() believes nothing that is malformed", () => {
  const malformed = [
    null,
    "",
    TRACE,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${"0".repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `00-${TRACE}-${SPAN}-1`,
    // Two of them are none.
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  ];
  for (const text of malformed) expect([text, readTraceParent(text)]).toEqual([text, undefined]);
});
