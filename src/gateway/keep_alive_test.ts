import { expect } from "expect";
import { bodyOf, textOf } from "../platform/http_body.ts";
import type { HttpResponse } from "../platform/http_messages.ts";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import type { Answer } from "./exchange.ts";
import { answerInTime, type KeepAlive } from "./keep_alive.ts";

const HEADERS = { "content-type": "text/event-stream; charset=utf-8" };

/** A request that arrived at 0 and may begin its answer at 10 s; its body says `life` every second. */
function setUp(body?: KeepAlive["body"]) {
  const clock = new VirtualClock();
  const answer = Promise.withResolvers<Answer>();
  let left = 0;
  const keepAlive: KeepAlive = {
    clock,
    arrivedMs: 0,
    earlyHeadersAfterMs: 10_000,
    intervalMs: 1_000,
    headers: HEADERS,
    body: body ?? async function* (answer) {
      yield new TextEncoder().encode("life");
      await answer;
    },
    leave: () => void left++,
  };
  return { clock, answer, keepAlive, left: () => left };
}

const ANSWER: Answer = { response: new Response("hello"), endpoint: "http://up" };

Deno.test("answerInTime() sets no timer for a request that does not wait", async () => {
  const { clock, keepAlive } = setUp();
  const answered = answerInTime(keepAlive, () => Promise.resolve(ANSWER));
  expect(clock.timers).toBe(0);
  expect(await answered).toBe(ANSWER);
});

Deno.test("answerInTime() is silent until the early headers are due, counted from arrival", async () => {
  const { clock, answer, keepAlive } = setUp();
  await clock.advance(4_000);
  const answered = answerInTime(keepAlive, (onWait) => {
    onWait();
    return answer.promise;
  });
  let early: Answer | HttpResponse | undefined;
  void answered.then((response) => early = response);
  await clock.advance(5_999);
  expect(early).toBe(undefined);
  await clock.advance(1);
  const response = early as HttpResponse;
  expect([response.status, Object.fromEntries(response.headers)]).toEqual([200, HEADERS]);
  answer.resolve(ANSWER);
  expect(await textOf(response.body)).toBe("life");
  expect(clock.timers).toBe(0);
});

Deno.test("answerInTime() gives a quick failure its real status", async () => {
  const { clock, answer, keepAlive } = setUp();
  const answered = answerInTime(keepAlive, (onWait) => {
    onWait();
    return answer.promise;
  });
  const failed = expect(answered).rejects.toThrow("no GPU");
  await clock.advance(9_999);
  answer.reject(new Error("no GPU"));
  await failed;
  expect(clock.timers).toBe(0);
});

Deno.test("answerInTime() arms one timer however often the request waits", async () => {
  const { clock, answer, keepAlive } = setUp();
  const answered = answerInTime(keepAlive, (onWait) => {
    onWait();
    onWait();
    return answer.promise;
  });
  expect(clock.timers).toBe(1);
  answer.resolve(ANSWER);
  expect(await answered).toBe(ANSWER);
});

Deno.test("answerInTime() never begins an answer early where that is off", async () => {
  const { clock, answer, keepAlive } = setUp();
  const answered = answerInTime({ ...keepAlive, earlyHeadersAfterMs: Infinity }, (onWait) => {
    onWait();
    return answer.promise;
  });
  await clock.advance(3_600_000);
  answer.resolve(ANSWER);
  expect(await answered).toBe(ANSWER);
});

Deno.test("an early body makes no sign of life that its client does not take", async () => {
  let made = 0;
  const { clock, answer, keepAlive } = setUp(async function* () {
    for (;;) yield new Uint8Array([++made]);
  });
  const answered = answerInTime(keepAlive, (onWait) => {
    onWait();
    return answer.promise;
  });
  await clock.advance(10_000);
  const body = bodyOf(((await answered) as HttpResponse).body!);
  await settle();
  expect(made).toBe(0);
  await body.read();
  await settle();
  expect(made).toBe(1);
  body.cancel();
});

Deno.test("cancelling an early body leaves at once, also in the middle of a wait", async () => {
  const { clock, answer, keepAlive, left } = setUp();
  const answered = answerInTime(keepAlive, (onWait) => {
    onWait();
    return answer.promise;
  });
  await clock.advance(10_000);
  const body = bodyOf(((await answered) as HttpResponse).body!);
  await body.read();
  const pending = body.read();
  await settle();
  body.cancel();
  expect(left()).toBe(1);
  expect(await pending).toBe(undefined);
  answer.reject(new Error("aborted")); // As the exchange does when it is left: nobody may be told.
  await settle();
});
