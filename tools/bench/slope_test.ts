import { expect } from "expect";
import { slopeOf } from "./slope.ts";

Deno.test("slopeOf() finds the line's slope through what scatters around it", () => {
  expect(slopeOf([[0, 5], [1, 7], [2, 9]])).toBeCloseTo(2);
  expect(slopeOf([[0, 1], [1, -1], [2, -1], [3, 1]])).toBeCloseTo(0);
});

Deno.test("slopeOf() is 0 where nothing can grow", () => {
  expect(slopeOf([[1, 5]])).toBe(0);
});
