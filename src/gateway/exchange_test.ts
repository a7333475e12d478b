import { expect } from "expect";
import { silentLog } from "../telemetry/log.ts";
import { FakeAdmission } from "../testing/fake_admission.ts";
import { modelSpec, requestContext } from "../testing/requests.ts";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import { Cancellation } from "./cancellation.ts";
import { type Exchange, exchange } from "./exchange.ts";
import { RecentUpstreams } from "./recent_upstreams.ts";

const A = "http://10.0.0.1:8000";
const B = "http://10.0.0.2:8000";

/** What the platform throws, in its own words (`fetch_failure_test.ts` checks them). */
const failure = (words: string) => new TypeError("fetch failed", { cause: new Error(words) });
const refused = () => failure("client error (Connect): tcp connect error: Connection refused");
const closed = () =>
  failure("client error (SendRequest): connection closed before message completed");

/** One request to model `m`; `answers` says what each attempt at an endpoint comes to. */
function setUp(endpoints: string[], ...answers: (Response | Error)[]) {
  const clock = new VirtualClock();
  const admission = new FakeAdmission("m", endpoints);
  const context = requestContext();
  const client = new AbortController();
  const sentTo: string[] = [];
  const seen = { validated: 0, waits: 0 };
  const request: Exchange = {
    context,
    spec: modelSpec("m"),
    outgoing: {
      ...{ method: "POST", path: "/v1/x", search: "", headers: new Headers() },
      body: new Uint8Array(2),
    },
    cancellation: new Cancellation(client.signal),
    fetch: (url) => {
      sentTo.push(new URL(url).origin);
      const answer = answers.shift()!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    coldStart: "wait",
    waitMaxMs: undefined,
    admission: () => admission,
    validate: () => void seen.validated++,
    onWait: () => void seen.waits++,
  };
  const tools = {
    clock,
    tcp: { connect: () => Promise.resolve("accepted" as const), freePort: () => 0 },
    log: silentLog,
    recent: new RecentUpstreams(clock),
  };
  return { clock, admission, context, client, sentTo, seen, request, tools };
}

Deno.test("exchange() sends at once where the gate is open, and validates nothing", async () => {
  const { request, tools, context, admission, seen } = setUp([A], new Response("hi"));
  const { response, endpoint } = await exchange(request, tools);
  expect([await response.text(), endpoint, seen]).toEqual(["hi", A, { validated: 0, waits: 0 }]);
  expect([admission.inFlight, context.coldStartMs]).toEqual([1, undefined]);
  context.complete();
  expect([admission.inFlight, tools.recent.has(A)]).toEqual([0, true]);
});

Deno.test("exchange() validates in the same tick in which it begins to wait", async () => {
  const { request, tools, context, admission, seen } = setUp([], new Response("hi"));
  const answering = exchange(request, tools);
  expect([seen, admission.pending]).toEqual([{ validated: 1, waits: 1 }, 1]);
  admission.open([A], 4_000);
  expect((await answering).endpoint).toBe(A);
  expect(context.coldStartMs).toBe(4_000);
});

Deno.test("exchange() wakes nothing for a request that is not valid", async () => {
  const { request, tools, admission } = setUp([]);
  const invalid: Exchange = {
    ...request,
    validate: () => {
      throw new Error("junk");
    },
  };
  await expect(exchange(invalid, tools)).rejects.toThrow("junk");
  expect(admission.asked).toEqual([]);
});

Deno.test("exchange() waits no longer than the request may, counted from its arrival", async () => {
  const { request, tools, clock, admission } = setUp([A], new Response());
  await clock.advance(4_000);
  await exchange({ ...request, waitMaxMs: 10_000, coldStart: "never" }, tools);
  expect(admission.asked).toMatchObject([{ timeoutMs: 6_000, coldStart: "never" }]);
});

Deno.test("a refused request waits again and goes where the model is now", async () => {
  const { request, tools, context, admission, seen, sentTo } = setUp(
    [A],
    refused(),
    new Response(),
  );
  const answering = exchange(request, tools);
  await settle();
  expect([admission.refused, admission.inFlight, admission.pending]).toEqual([[A], 0, 1]);
  expect(seen).toEqual({ validated: 1, waits: 1 });
  admission.open([B]);
  expect((await answering).endpoint).toBe(B);
  expect(sentTo).toEqual([A, B]);
  expect(context.coldStartMs).toBe(1_000);
});

Deno.test("a request that is refused for ever is given up after three more tries", async () => {
  const { request, tools, admission, sentTo } = setUp(
    [A, A, A, A, A],
    ...[refused(), refused(), refused(), refused()],
  );
  const stubborn: Exchange = {
    ...request,
    admission: () => Object.assign(admission, { endpoints: [A] }),
  };
  await expect(exchange(stubborn, tools)).rejects.toMatchObject({ code: "upstream_unreachable" });
  expect([sentTo.length, admission.refused.length, admission.inFlight]).toEqual([4, 4, 0]);
});

Deno.test("a connection that may have been a stale one is tried again once, with the same permit", async () => {
  const { request, tools, context, admission, sentTo } = setUp(
    [A, B],
    closed(),
    new Response("ok"),
  );
  tools.recent.completed(A);
  const { response } = await exchange(request, tools);
  expect(await response.text()).toBe("ok");
  expect([sentTo, admission.asked.length, admission.inFlight]).toEqual([[A, A], 1, 1]);
  context.complete();
  expect(admission.inFlight).toBe(0);
});

Deno.test("a connection that was closed twice is a 502", async () => {
  const { request, tools, admission, sentTo } = setUp([A], closed(), closed());
  tools.recent.completed(A);
  await expect(exchange(request, tools)).rejects.toMatchObject({ code: "upstream_unreachable" });
  expect([sentTo.length, admission.inFlight, admission.refused]).toEqual([2, 0, []]);
});

Deno.test("a stale connection whose upstream is gone waits again", async () => {
  const { request, tools, admission } = setUp([A, B], closed(), refused(), new Response());
  tools.recent.completed(A);
  expect((await exchange(request, tools)).endpoint).toBe(B);
  expect(admission.refused).toEqual([A]);
});

Deno.test("a fresh connection that was closed is a 502 at once: work may have begun", async () => {
  const { request, tools, admission, sentTo } = setUp([A], closed());
  await expect(exchange(request, tools)).rejects.toMatchObject({ code: "upstream_unreachable" });
  expect([sentTo.length, admission.inFlight]).toEqual([1, 0]);
});

Deno.test("a client that leaves while it waits leaves the queue and is never sent", async () => {
  const { request, tools, client, admission, sentTo } = setUp([]);
  const answering = exchange(request, tools);
  expect(admission.pending).toBe(1);
  client.abort(new Error("client gone"));
  await expect(answering).rejects.toThrow("client gone");
  expect([admission.pending, sentTo]).toEqual([0, []]);
});

Deno.test("an answer whose client left says nothing of the connection", async () => {
  const { request, tools, context, client } = setUp([A], new Response());
  await exchange(request, tools);
  client.abort();
  context.complete();
  expect(tools.recent.has(A)).toBe(false);
});

Deno.test("silence for longer than responseTimeout is a 504", async () => {
  const { request, tools, clock, admission } = setUp([A]);
  const answering = exchange({
    ...request,
    fetch: (_url, init) =>
      new Promise((_, reject) =>
        init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason))
      ),
  }, tools);
  const failed = expect(answering).rejects.toMatchObject({ code: "upstream_timeout" });
  await clock.advance(600_000);
  await failed;
  expect([admission.inFlight, clock.timers]).toEqual([0, 0]);
});
