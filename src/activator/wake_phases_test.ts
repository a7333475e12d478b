import { expect } from "expect";
import { durations, noted, presentOf, timesOf, type WakePhases } from "./wake_phases.ts";

const PULLING = { phase: "pulling", detail: "pod a: pulls vllm:v1" } as const;
const LOADING = { phase: "loading", detail: "pod a: its container runs" } as const;

function wake(...looks: [number, typeof PULLING | typeof LOADING][]): WakePhases {
  return looks.reduce<WakePhases>((phases, [nowMs, each]) => noted(phases, each, nowMs, 0), []);
}

Deno.test("noted() adds what is new, and keeps what is not", () => {
  const phases = wake([1_000, PULLING], [5_000, PULLING], [60_000, LOADING]);
  expect(phases.map(({ phase, sinceMs }) => [phase, sinceMs])).toEqual([
    ["scheduling", 0],
    ["pulling", 1_000],
    ["loading", 60_000],
  ]);
  expect(noted(phases, LOADING, 70_000, 0)).toBe(phases);
});

Deno.test("noted() takes over a new detail of the same phase, which goes on", () => {
  const phases = noted(wake([1_000, PULLING]), { ...PULLING, detail: "again" }, 9_000, 0);
  expect(phases.at(-1)).toEqual({ phase: "pulling", detail: "again", sinceMs: 1_000 });
  const scheduling = { phase: "scheduling", detail: "no node" } as const;
  expect(noted([], scheduling, 9_000, 500)).toEqual([{ ...scheduling, sinceMs: 500 }]);
});

Deno.test("noted() stays small however often a wake goes back and forth", () => {
  const looks = Array.from(
    { length: 1_000 },
    (_, i): [number, typeof PULLING | typeof LOADING] => [i, i % 2 ? PULLING : LOADING],
  );
  expect(wake(...looks).length).toBeLessThan(50);
});

Deno.test("durations() sums what came more than once", () => {
  const phases = wake([1_000, PULLING], [3_000, LOADING], [4_000, PULLING], [5_000, LOADING]);
  expect([...durations(phases, 11_000)]).toEqual([
    ["scheduling", 1_000],
    ["pulling", 3_000],
    ["loading", 7_000],
  ]);
  expect(timesOf(phases, 11_000)).toBe("scheduling 1.0s, pulling 3.0s, loading 7.0s");
});

Deno.test("presentOf() says what goes on and for how long", () => {
  expect(presentOf(wake([0, PULLING]), 61_400)).toBe("pulling for 61 s: pod a: pulls vllm:v1");
  expect([presentOf([], 1), timesOf([], 1)]).toEqual([undefined, undefined]);
});
