import { expect } from "expect";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { createMetrics } from "./metrics.ts";
import { type Behaviour, ENGINE_DEFAULTS } from "./options.ts";
import { Scheduler, type Token } from "./scheduler.ts";

function world(over: Partial<Behaviour> = {}) {
  const clock = new VirtualClock();
  const metrics = createMetrics();
  const behaviour = { ...ENGINE_DEFAULTS, tokensPerSecond: 10, ...over };
  const scheduler = new Scheduler({ clock, metrics, behaviour });
  /** A request for `tokens` tokens, read as fast as they come. */
  const request = (tokens: number, finish: "stop" | "length" = "length") => {
    const client = new AbortController();
    const job = scheduler.submit({ promptTokens: 7, tokens, finish, signal: client.signal });
    const got: Token[] = [];
    const done = (async () => {
      for await (const token of job) got.push(token);
    })();
    return { got, done, leave: () => client.abort() };
  };
  return { clock, metrics, behaviour, scheduler, request };
}

Deno.test("submit() gives a token every so often and keeps the gauges and counters", async () => {
  const { clock, metrics, request } = world();
  const { got, done } = request(3);
  await clock.advance(99);
  expect([got.length, metrics.running, metrics.promptTokens]).toEqual([0, 1, 7]);
  await clock.advance(1);
  expect([got.length, metrics.generationTokens]).toEqual([1, 1]);
  await clock.advance(200);
  await done;
  expect(got.map(({ finish }) => finish)).toEqual([null, null, "length"]);
  expect([metrics.running, metrics.waiting, metrics.finished.length]).toEqual([0, 0, 1]);
});

Deno.test("submit() says stop with a token that has no text", async () => {
  const { clock, request } = world();
  const { got, done } = request(2, "stop");
  await clock.advance(200);
  await done;
  expect(got).toEqual([{ text: "This", finish: null }, { text: "", finish: "stop" }]);
});

Deno.test("submit() lets requests beyond maxNumSeqs wait their turn, also when two slots come free", async () => {
  const { clock, metrics, request, scheduler } = world({ maxNumSeqs: 2 });
  const requests = [request(1), request(1), request(2), request(2), request(1)];
  await clock.advance(50);
  expect([metrics.running, metrics.waiting]).toEqual([2, 3]);
  await clock.advance(60);
  expect([metrics.running, metrics.waiting]).toEqual([2, 1]);
  await clock.advance(1_000);
  await Promise.all(requests.map(({ done }) => done));
  await scheduler.drained();
  expect([metrics.running, metrics.waiting, metrics.finished.length]).toEqual([0, 0, 5]);
});

Deno.test("submit() refuses what exceeds queueMax and counts it", async () => {
  const { clock, metrics, request } = world({ queueMax: 1 });
  const first = request(1);
  expect(() => request(1)).toThrow("currently busy");
  expect(metrics.queueRejections).toBe(1);
  await clock.advance(100);
  await first.done;
  await Promise.all([request(1).done, clock.advance(100)]);
});

Deno.test("a client that leaves frees its slot, whether it ran, waited or was never read", async () => {
  const { clock, metrics, request, scheduler } = world({ maxNumSeqs: 1 });
  const [running, waiting, last] = [request(100), request(100), request(1)];
  const unread = new AbortController();
  scheduler.submit({ promptTokens: 1, tokens: 1, finish: "stop", signal: unread.signal });
  await clock.advance(10);
  running.leave();
  waiting.leave();
  unread.abort();
  await clock.advance(10);
  expect([metrics.running, metrics.waiting]).toEqual([1, 0]);
  await clock.advance(100);
  await Promise.all([running.done, waiting.done, last.done, scheduler.drained()]);
  expect(last.got.length).toBe(1);
  expect(metrics.finished.abort).toBe(0);
});

Deno.test("abortAll() ends running and waiting requests as if they had succeeded", async () => {
  const { clock, metrics, request, scheduler } = world({ maxNumSeqs: 1 });
  const requests = [request(100), request(100)];
  await clock.advance(250);
  scheduler.abortAll();
  await Promise.all(requests.map(({ done }) => done));
  expect(requests.map(({ got }) => got.length)).toEqual([3, 1]);
  for (const { got } of requests) expect(got.at(-1)).toEqual({ text: "", finish: "abort" });
  expect([metrics.running, metrics.waiting, metrics.finished.abort]).toEqual([0, 0, 2]);
});

Deno.test("abortAll() does not touch an answer whose last token is out", async () => {
  const { clock, scheduler } = world();
  const { signal } = new AbortController();
  const job = scheduler.submit({ promptTokens: 1, tokens: 1, finish: "length", signal });
  const first = job.next();
  await clock.advance(100);
  expect((await first).value).toEqual({ text: "This", finish: "length" });
  scheduler.abortAll();
  expect((await job.next()).done).toBe(true);
});

Deno.test("kill() fails what runs and everything after", async () => {
  const { clock, request, scheduler } = world();
  const { done } = request(100);
  const failed = expect(done).rejects.toThrow("EngineCore encountered an issue");
  await clock.advance(10);
  scheduler.kill();
  await failed;
  expect(() => request(1)).toThrow("EngineCore encountered an issue");
});

Deno.test("while it sleeps requests wait and are in no gauge; wake() lets them go on", async () => {
  const { clock, metrics, request, scheduler } = world();
  scheduler.sleep("weights_offloaded");
  const { got, done } = request(1);
  await clock.advance(60_000);
  expect([got.length, metrics.running, metrics.waiting]).toEqual([0, 0, 0]);
  scheduler.wake();
  await clock.advance(100);
  await done;
  expect(got.length).toBe(1);
});
