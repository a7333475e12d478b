import { expect } from "expect";
import fc from "fast-check";
import { ByteBudget } from "./budget.ts";
import { RequestError } from "./request_error.ts";

Deno.test("ByteBudget holds what its leases hold, and never more than its bound", () => {
  const MAX = 100;
  const step = fc.record({
    lease: fc.nat({ max: 3 }),
    bytes: fc.nat({ max: 60 }),
    ends: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const budget = new ByteBudget(() => MAX);
      const leases = Array.from({ length: 4 }, () => budget.take());
      const held = [0, 0, 0, 0];
      const sum = () => held.reduce((a, b) => a + b);
      for (const { lease, bytes, ends } of steps) {
        if (ends) {
          leases[lease]![Symbol.dispose]();
          leases[lease]![Symbol.dispose]();
          leases[lease] = budget.take();
          held[lease] = 0;
        } else if (sum() + bytes > MAX) {
          expect(() => leases[lease]!.grow(bytes)).toThrow(RequestError);
        } else {
          leases[lease]!.grow(bytes);
          held[lease]! += bytes;
        }
        expect(budget.held).toBe(sum());
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("ByteBudget follows a bound that changes, and takes nothing back", () => {
  let max = 10;
  const budget = new ByteBudget(() => max);
  using lease = budget.take();
  lease.grow(10);
  max = 5;
  expect(() => lease.grow(1)).toThrow(/bufferedMax/);
  expect(budget.held).toBe(10);
  max = 11;
  lease.grow(1);
  expect(budget.held).toBe(11);
});
