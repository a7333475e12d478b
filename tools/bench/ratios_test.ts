import { expect } from "expect";
import type { Figure } from "./figures.ts";
import { isMoreBetter, ratioOf, ratiosOf } from "./ratios.ts";

const figure = (what: string, unit: string, side: string | undefined, ...values: number[]) => (
  { section: "s", what, unit, side, values } satisfies Figure
);

Deno.test("ratioOf() divides medians: one bad round changes nothing", () => {
  expect(ratioOf([10, 12, 900], [6, 1, 8])).toBe(2);
});

Deno.test("ratioOf() is nothing where it would say nothing", () => {
  expect(ratioOf([1], [0])).toBeUndefined();
  expect(ratioOf([1], [-0.1])).toBeUndefined();
});

Deno.test("ratiosOf() sets the gateway beside each side that was measured", () => {
  expect(ratiosOf([
    figure("rate", "requests/s", "direct", 60_000),
    figure("rate", "requests/s", "gateway", 3_000),
    figure("rate", "requests/s", "nginx", 30_000),
    figure("memory", "MiB", "gateway", 60),
    figure("memory", "MiB", "nginx", 15),
    figure("only theirs", "MiB", "nginx", 15),
    figure("busy", "% of the core", "gateway", 99),
    figure("busy", "% of the core", "nginx", 50),
    figure("alone", "ms", undefined, 5),
  ])).toEqual({ s: { rate: { direct: 0.05, nginx: 0.1 }, memory: { nginx: 4 } } });
});

Deno.test("isMoreBetter() is true of rates alone", () => {
  expect(["requests/s", "us", "us/request", "ms", "MiB"].map(isMoreBetter))
    .toEqual([true, false, false, false, false]);
});
