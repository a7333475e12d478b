import { expect } from "expect";
import { updated, worseThan } from "./baseline.ts";
import type { Figure } from "./figures.ts";

/** A run in which the gateway's ratio to `bare` is `rate`, and `latency`. */
function runWith({ rate = 1, latency = 1 }): Figure[] {
  const of = (what: string, unit: string, gateway: number): Figure[] => [
    { section: "s", what, unit, side: "gateway", values: [gateway] },
    { section: "s", what, unit, side: "bare", values: [1] },
  ];
  return [...of("rate", "requests/s", rate), ...of("latency", "ms", latency)];
}

const BASELINE = { s: { rate: { bare: 1 }, latency: { bare: 1 } } };

Deno.test("worseThan() is silent about noise and about what is better", () => {
  expect(worseThan(BASELINE, runWith({}))).toEqual([]);
  expect(worseThan(BASELINE, runWith({ rate: 1 / 1.29, latency: 1.29 }))).toEqual([]);
  expect(worseThan(BASELINE, runWith({ rate: 5, latency: 0.2 }))).toEqual([]);
});

Deno.test("worseThan() names what is worse by more: fewer requests, more time", () => {
  const fault = { section: "s", side: "bare", was: 1 };
  expect(worseThan(BASELINE, runWith({ rate: 0.5 }))).toEqual([{
    ...fault,
    what: "rate",
    is: 0.5,
  }]);
  expect(worseThan(BASELINE, runWith({ latency: 2 })))
    .toEqual([{ ...fault, what: "latency", is: 2 }]);
});

Deno.test("worseThan() asks nothing of what the baseline does not know", () => {
  expect(worseThan({}, runWith({ rate: 0.1 }))).toEqual([]);
  expect(worseThan({ s: { rate: { nginx: 1 } } }, runWith({ rate: 0.1 }))).toEqual([]);
});

Deno.test("updated() replaces the sections of the run and keeps the others", () => {
  const old = { s: { gone: { bare: 3 } }, other: { rate: { bare: 2 } } };
  expect(updated(old, runWith({ rate: 0.5, latency: 2 }))).toEqual({
    s: { rate: { bare: 0.5 }, latency: { bare: 2 } },
    other: { rate: { bare: 2 } },
  });
});
