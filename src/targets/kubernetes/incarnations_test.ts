import { expect } from "expect";
import { Incarnations } from "./incarnations.ts";
import { type WorkloadView, workloadView } from "./views.ts";

function workload(uid: string, creationTimestamp: string): WorkloadView {
  return workloadView(
    { metadata: { name: "vllm", uid, resourceVersion: "1", creationTimestamp } } as never,
  );
}

const SECOND = "2026-11-26T12:00:00Z";
const NEXT = "2026-11-26T12:00:01Z";

Deno.test("Incarnations grow with generations, and with each object of the name", () => {
  const incarnations = new Incarnations();
  const a = workload("a", SECOND);
  const b = workload("b", NEXT);
  const ages = [
    incarnations.asOf(a, 1),
    incarnations.asOf(a, 900_000),
    incarnations.asOf(b, 1),
    incarnations.asOf(b, 2),
  ];
  expect(ages).toEqual(ages.toSorted((x, y) => x - y));
  expect(ages.every(Number.isSafeInteger)).toBe(true);
  // Late news of the one before.
  expect(incarnations.asOf(a, 900_001)).toBeLessThan(incarnations.asOf(b, 1));
});

// It was taken for older than our zero, and left running for nobody.
Deno.test("Incarnations tell apart what was deleted and made anew within one second", () => {
  const incarnations = new Incarnations();
  const [a, b] = [workload("a", SECOND), workload("b", SECOND)];
  const old = incarnations.asOf(a, 5);
  expect(incarnations.asOf(b, 1)).toBeGreaterThan(old);
  expect(incarnations.asOf(a, 6)).toBeLessThan(incarnations.asOf(b, 1));
});
