import { expect } from "expect";
import { median, quantile, short } from "./quantile.ts";

Deno.test("quantile() finds the ends and the middle, in whatever order", () => {
  const values = [5, 1, 4, 2, 3];
  expect([0, 0.5, 0.95, 1].map((share) => quantile(values, share))).toEqual([1, 3, 5, 5]);
  expect(values).toEqual([5, 1, 4, 2, 3]);
  expect(quantile([7], 0.5)).toBe(7);
});

Deno.test("median() sorts numbers as numbers", () => {
  expect(median([100, 9, 20])).toBe(20);
});

Deno.test("quantile() of nothing is refused", () => {
  expect(() => quantile([], 0.5)).toThrow("there are no values");
});

Deno.test("short() keeps the digits that mean something", () => {
  expect([42_468.7, 100, 99.96, 10, 9.994, 0.256, -0.014, 0].map(short))
    .toEqual(["42,469", "100", "100.0", "10.0", "9.99", "0.26", "-0.01", "0.00"]);
});
