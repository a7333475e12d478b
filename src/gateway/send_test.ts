import { expect } from "expect";
import type { HttpRequest, SendRequest } from "../platform/http_client.ts";
import type { Reached } from "../platform/tcp.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { Cancellation } from "./cancellation.ts";
import { type Outgoing, send, type Sent, upstreamUrl } from "./send.ts";

const OUTGOING: Outgoing = {
  method: "POST",
  path: "/v1/chat/completions",
  search: "?a=1",
  headers: [["x-test", "1"]],
  body: new TextEncoder().encode("{}"),
};

/** One attempt at an upstream that answers what and when the test says. */
function setUp(over: { connectTimeoutMs?: number; responseTimeoutMs?: number } = {}) {
  const clock = new VirtualClock();
  const client = new AbortController();
  const cancellation = new Cancellation(client.signal);
  const answer = Promise.withResolvers<Response>();
  const reached = Promise.withResolvers<Reached>();
  const dialled: unknown[] = [];
  const calls: { url: string; init: HttpRequest }[] = [];
  const sendRequest: SendRequest = (url, init) => {
    calls.push({ url: String(url), init });
    init.signal.addEventListener("abort", () => answer.reject(init.signal.reason));
    return answer.promise;
  };
  let sent: Sent | undefined;
  const sending = send(OUTGOING, "http://10.0.0.1:8000/prefix", {
    ...{ sendRequest, clock, cancellation, connectTimeoutMs: 2_000, responseTimeoutMs: 600_000 },
    tcp: {
      connect: (...to) => (dialled.push(to), reached.promise),
      freePort: () => 0,
    },
    ...over,
  });
  sending.then((result) => sent = result, () => {});
  return {
    clock,
    client,
    cancellation,
    answer,
    reached,
    dialled,
    calls,
    sending,
    sent: () => sent,
  };
}

Deno.test("send() sends what it was given, follows nothing, and sets one timer until the headers", async () => {
  const { clock, answer, calls, sending } = setUp();
  expect(clock.timers).toBe(1);
  const response = new Response("hello", { status: 307 });
  answer.resolve(response);
  expect(await sending).toEqual({ kind: "answered", response });
  expect(clock.timers).toBe(0);
  const [{ url, init }] = calls as [typeof calls[0]];
  expect(url).toBe("http://10.0.0.1:8000/prefix/v1/chat/completions?a=1");
  expect([init.method, init.redirect, init.headers, init.body])
    .toEqual(["POST", "manual", OUTGOING.headers, OUTGOING.body]);
});

Deno.test("send() asks by one bare connection whether anybody is there, and waits on if so", async () => {
  const { clock, answer, reached, dialled, sending, sent } = setUp();
  await clock.advance(2_000);
  expect(dialled).toEqual([["10.0.0.1", 8000, 2_000]]);
  expect(clock.timers).toBe(0);
  reached.resolve("accepted");
  await clock.advance(597_999);
  expect([sent(), clock.timers, dialled.length]).toEqual([undefined, 1, 1]);
  const response = new Response("late");
  answer.resolve(response);
  expect(await sending).toEqual({ kind: "answered", response });
});

for (const outcome of ["refused", "silent"] as const) {
  Deno.test(`send() takes the endpoint for refused when a bare connection is ${outcome}`, async () => {
    const { clock, cancellation, calls, reached, sending } = setUp();
    await clock.advance(2_000);
    reached.resolve(outcome);
    expect(await sending).toEqual({ kind: "refused", reason: `a new connection is ${outcome}` });
    expect(calls[0]!.init.signal!.aborted).toBe(true);
    expect([cancellation.signal.aborted, clock.timers]).toEqual([false, 0]);
  });
}

Deno.test("send() gives up when the response's headers take longer than responseTimeout", async () => {
  const { clock, reached, sending } = setUp();
  await clock.advance(2_000);
  await clock.advance(1_000);
  reached.resolve("accepted");
  await clock.advance(597_000);
  expect(await sending).toEqual({ kind: "silent" });
});

Deno.test("send() does not dial where responseTimeout is the shorter one", async () => {
  const { clock, dialled, sending } = setUp({ responseTimeoutMs: 1_000 });
  await clock.advance(1_000);
  expect(await sending).toEqual({ kind: "silent" });
  expect(dialled).toEqual([]);
});

Deno.test("send() waits on when it cannot tell whether anybody is there", async () => {
  const { clock, answer, reached, sending } = setUp();
  await clock.advance(2_000);
  reached.reject(new Error("not permitted"));
  await clock.advance(1_000);
  answer.resolve(new Response());
  expect((await sending).kind).toBe("answered");
});

Deno.test("send() sets no timer when the bare connection is accepted after the headers came", async () => {
  const { clock, answer, reached, sending } = setUp();
  await clock.advance(2_000);
  answer.resolve(new Response());
  await sending;
  reached.resolve("accepted");
  await clock.advance(0);
  expect(clock.timers).toBe(0);
});

Deno.test("send() stops with the client's reason when the client leaves", async () => {
  const { clock, client, sending } = setUp();
  client.abort(new Error("client gone"));
  await expect(sending).rejects.toThrow("client gone");
  expect(clock.timers).toBe(0);
});

Deno.test("send() takes a status that cannot be passed on for a broken upstream", async () => {
  const { answer, sending } = setUp();
  answer.resolve({ status: 101, body: null } as Response);
  expect(await sending).toEqual({ kind: "broken", reason: "answered with status 101" });
});

Deno.test("upstreamUrl() keeps the endpoint's host and path whatever the request's path is", () => {
  const url = (endpoint: string, path: string, search = "") =>
    upstreamUrl(endpoint, { ...OUTGOING, path, search }).href;
  expect(url("http://h:1", "/v1/x", "?q=1")).toBe("http://h:1/v1/x?q=1");
  expect(url("http://h:1/p/", "/v1/x")).toBe("http://h:1/p/v1/x");
  expect(url("http://h:1", "//evil/x")).toBe("http://h:1//evil/x");
  expect(url("http://h:1", "/a%2Fb/\u20ac")).toBe("http://h:1/a%2Fb/%E2%82%AC");
  expect(url("http://h:1", "/@evil")).toBe("http://h:1/@evil");
});
