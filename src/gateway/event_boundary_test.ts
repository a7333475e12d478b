import { expect } from "expect";
import fc from "fast-check";
import { EventBoundary } from "./event_boundary.ts";

function restAfter(...chunks: string[]): string {
  const boundary = new EventBoundary();
  for (const chunk of chunks) boundary.pass(new TextEncoder().encode(chunk));
  return boundary.rest;
}

Deno.test("EventBoundary adds nothing to a stream that stands between two events", () => {
  for (const text of ["", "data: 1\n\n", "data: 1\r\n\r\n", "data: 1\r\r", ": c\n\n", "a\n\r\n"]) {
    expect([text, restAfter(text)]).toEqual([text, ""]);
  }
});

Deno.test("EventBoundary finishes the event that a stream broke off in", () => {
  const table: [string, string][] = [
    ['data: {"a', "\n\n"],
    ["data: 1\n", "\n"],
    ["data: 1\r\n", "\n"],
    ["data: 1\r", "\n\n"],
    ["data: 1\r\n\r", ""],
    ["data: \u20ac", "\n\n"],
  ];
  expect(table.map(([text]) => [text, restAfter(text)])).toEqual(table);
});

Deno.test("EventBoundary sees the same however the stream is cut into chunks", () => {
  const text = fc.array(fc.constantFrom("\n", "\r", "data: x", "\u20ac"), { maxLength: 12 });
  fc.assert(
    fc.property(text, fc.nat(), (parts, at) => {
      const whole = parts.join("");
      const cut = at % (whole.length + 1);
      const cutRest = restAfter(whole.slice(0, cut), whole.slice(cut));
      expect(cutRest).toBe(restAfter(whole));
      // What is written next stands behind a blank line, or at the very start.
      expect("\n\n" + whole + cutRest).toMatch(/(\r\n|\r|\n)(\r\n|\r|\n)$/);
    }),
    { numRuns: 300 },
  );
});
