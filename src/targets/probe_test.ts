import { expect } from "expect";
import type { Fetch } from "../platform/fetch.ts";
import { silentLog } from "../telemetry/log.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { isHealthy, probe, untilHealthy } from "./probe.ts";

/** An engine whose health page is what `status` says; undefined refuses. */
function engine(status: () => number | undefined) {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const asked: { url: string; atMs: number }[] = [];
  const warnings: unknown[] = [];
  const fetch: Fetch = (url) => {
    asked.push({ url: String(url), atMs: clock.nowMs() });
    const now = status();
    return now === undefined
      ? Promise.reject(new TypeError("refused"))
      : Promise.resolve(new Response(null, { status: now }));
  };
  const options = {
    endpoint: "http://e:1/prefix",
    healthPath: "/health",
    timeoutMs: 2_000,
    fetch,
    clock,
    signal: controller.signal,
    log: { ...silentLog, warn: (...line: unknown[]) => void warnings.push(line) },
  };
  return { clock, controller, asked, warnings, options };
}

Deno.test("probe() gives the status of the health page, and undefined without an answer", async () => {
  const up = engine(() => 200);
  expect(await probe(up.options)).toBe(200);
  expect(up.asked.map(({ url }) => url)).toEqual(["http://e:1/prefix/health"]);
  expect(await probe(engine(() => undefined).options)).toBeUndefined();
  const cases = [[200, true], [204, true], [307, false], [404, false], [503, false]] as const;
  for (const [status, healthy] of cases) expect(isHealthy(status)).toBe(healthy);
  expect(isHealthy(undefined)).toBe(false);
});

Deno.test("untilHealthy() takes refused and 503 for not yet", async () => {
  const statuses = [undefined, undefined, 503, 503, 200];
  const { options, clock, asked, warnings } = engine(() => statuses.shift());
  const healthy = untilHealthy(options);
  await clock.advance(100);
  expect(await healthy).toBe(true);
  expect(asked.length).toBe(5);
  expect(warnings).toEqual([]);
  expect(clock.timers).toBe(0);
});

Deno.test("untilHealthy() asks densely at first and never less than 50 times a second", async () => {
  let up = false;
  const { options, clock, asked } = engine(() => up ? 200 : undefined);
  const healthy = untilHealthy(options);
  await clock.advance(120_000);
  const gaps = asked.slice(1).map(({ atMs }, i) => Math.round((atMs - asked[i]!.atMs) * 1e6) / 1e6);
  expect(Math.min(...gaps)).toBe(5);
  expect(Math.max(...gaps)).toBe(20);
  expect(gaps.toSorted((a, b) => a - b)).toEqual(gaps);
  expect(asked.length).toBeLessThan(120 * 55);
  up = true;
  await clock.advance(20);
  expect(await healthy).toBe(true);
});

Deno.test("untilHealthy() ends at once when nobody wants to know any more", async () => {
  const { options, clock, controller, asked } = engine(() => undefined);
  const healthy = untilHealthy(options);
  await clock.advance(1_000);
  controller.abort();
  expect(await healthy).toBe(false);
  expect(clock.timers).toBe(0);
  const before = asked.length;
  expect(await untilHealthy(options)).toBe(false);
  expect(asked.length).toBe(before);
});

Deno.test("untilHealthy() does not believe an answer that came after it was called off", async () => {
  const { options, controller } = engine(() => (controller.abort(), 200));
  expect(await untilHealthy(options)).toBe(false);
});

Deno.test("untilHealthy() says once that the health page is another engine's", async () => {
  const { options, clock, controller, warnings } = engine(() => 404);
  const healthy = untilHealthy(options);
  await clock.advance(1_000);
  controller.abort();
  await healthy;
  expect(warnings).toEqual([[
    "health page says neither ready nor loading: check `engine`",
    { url: "http://e:1/prefix/health", status: 404 },
  ]]);
});
