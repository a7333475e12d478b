import { expect } from "expect";
import type { Figure } from "./figures.ts";
import { judge, type Target } from "./targets.ts";

const FIGURES: Figure[] = [
  { section: "s", what: "rate", unit: "requests/s", side: "gateway", values: [90, 80, 100] },
  { section: "s", what: "rate", unit: "requests/s", side: "bare", values: [100] },
  { section: "s", what: "wait", unit: "ms", values: [1, 2, 30] },
  { section: "s", what: "later", unit: "ms", values: [1] },
  { section: "s", what: "words", unit: "", values: [], text: "3 of 3" },
];

function verdict(target: Omit<Target, "section">) {
  const [{ value, isMet }] = judge([{ section: "s", ...target }], FIGURES) as [
    ReturnType<typeof judge>[number],
  ];
  return [value, isMet];
}

Deno.test("judge() holds a ratio of medians against its limit", () => {
  const target = { what: "rate", ratioTo: { side: "bare" } };
  expect(verdict({ ...target, atLeast: 0.9 })).toEqual([0.9, true]);
  expect(verdict({ ...target, atLeast: 0.95 })).toEqual([0.9, false]);
});

Deno.test("judge() holds a figure of the gateway's own, its tail or its ratio to another", () => {
  expect(verdict({ what: "wait", atMost: 2 })).toEqual([2, true]);
  expect(verdict({ what: "wait", quantile: 0.95, atMost: 2 })).toEqual([30, false]);
  expect(verdict({ what: "later", ratioTo: { what: "wait" }, atMost: 0.99 })).toEqual([0.5, true]);
});

Deno.test("judge() never calls met what was not measured", () => {
  for (
    const target of [
      { what: "no such figure" },
      { what: "words" },
      { what: "rate", ratioTo: { side: "not installed" } },
    ]
  ) expect(verdict({ ...target, atMost: 1_000 })).toEqual([undefined, false]);
});

Deno.test("judge() is silent about sections that were not run", () => {
  expect(judge([{ section: "another", what: "rate", atMost: 1 }], FIGURES)).toEqual([]);
});
