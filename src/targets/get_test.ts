import { expect } from "expect";
import type { Fetch } from "../platform/fetch.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { get } from "./get.ts";

const never = new AbortController().signal;

/** A server that says nothing until the request is aborted. */
const silent: Fetch = (_url, init) =>
  new Promise((_, reject) => {
    init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason));
  });

Deno.test("get() gives up after its time, and leaves no timer", async () => {
  const clock = new VirtualClock();
  const answer = get(
    "http://x/",
    { fetch: silent, clock, timeoutMs: 2_000, signal: never },
    String,
  );
  answer.catch(() => {});
  await clock.advance(1_999);
  expect(clock.timers).toBe(1);
  await clock.advance(1);
  await expect(answer).rejects.toThrow("no answer within 2000 ms");
  expect(clock.timers).toBe(0);
});

Deno.test("get() counts the time of the body too", async () => {
  const clock = new VirtualClock();
  const fetch: Fetch = (_url, init) => {
    const body = new ReadableStream({
      start: (stream) =>
        init!.signal!.addEventListener("abort", () => stream.error(init!.signal!.reason)),
    });
    return Promise.resolve(new Response(body));
  };
  const options = { fetch, clock, timeoutMs: 2_000, signal: never };
  const answer = get("http://x/", options, (response) => response.text());
  answer.catch(() => {});
  await clock.advance(2_000);
  await expect(answer).rejects.toThrow("no answer within 2000 ms");
});

Deno.test("get() ends with its signal's reason, before and during the request", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const options = { fetch: silent, clock, timeoutMs: 2_000, signal: controller.signal };
  const during = get("http://x/", options, String);
  controller.abort(new Error("nobody wants it"));
  await expect(during).rejects.toThrow("nobody wants it");
  await expect(get("http://x/", options, String)).rejects.toThrow("nobody wants it");
  expect(clock.timers).toBe(0);
});

Deno.test("get() throws away a body that nobody reads", async () => {
  let cancelled = false;
  const fetch: Fetch = () =>
    Promise.resolve(new Response(new ReadableStream({ cancel: () => void (cancelled = true) })));
  const options = { fetch, clock: new VirtualClock(), timeoutMs: 2_000, signal: never };
  expect(await get("http://x/", options, ({ status }) => status)).toBe(200);
  expect(cancelled).toBe(true);
});

Deno.test("get() gives up a body that does not end when it is aborted", async () => {
  const clock = new VirtualClock();
  const fetch: Fetch = () => Promise.resolve(new Response(new ReadableStream()));
  const options = { fetch, clock, timeoutMs: 2_000, signal: never };
  const answer = get("http://x/", options, (response) => response.text());
  answer.catch(() => {});
  await clock.advance(2_000);
  await expect(answer).rejects.toThrow("no answer within 2000 ms");
});
