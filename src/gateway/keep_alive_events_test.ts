import { expect } from "expect";
import { ColdStartTimeout } from "../activator/errors.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import type { Api } from "./envelope.ts";
import { answerTo } from "./error_table.ts";
import type { Answer } from "./exchange.ts";
import { earlyEvents } from "./keep_alive_events.ts";

/** An early event stream from second 10 of its request on, and what it has written so far. */
function setUp(api: Api = "chat", intervalMs = 10_000) {
  const clock = new VirtualClock(10_000);
  const answer = Promise.withResolvers<Answer>();
  answer.promise.catch(() => {});
  const stream = earlyEvents(answer.promise, {
    clock,
    arrivedMs: 0,
    intervalMs,
    api,
    chat: api === "chat" ? { id: "chatcmpl-req-1", model: "qwen" } : undefined,
    rescue: answerTo,
  });
  const written: { atMs: number; text: string }[] = [];
  const ended = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      written.push({ atMs: clock.nowMs(), text: decoder.decode(chunk, { stream: true }) });
    }
  })();
  const text = () => written.map(({ text }) => text).join("");
  return { clock, answer, written, ended, text };
}

function answerOf(body: BodyInit | null, init: ResponseInit = {}): Answer {
  const headers = { "content-type": "text/event-stream; charset=utf-8", ...init.headers };
  return { response: new Response(body, { ...init, headers }), endpoint: "http://up" };
}

/** A body that breaks after `chunks`, as one does whose connection is cut. */
function brokenBody(...chunks: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.error(new TypeError("error reading a body"));
      else controller.enqueue(new TextEncoder().encode(chunk));
    },
  });
}

Deno.test("an early stream begins with a comment and writes one every interval", async () => {
  const { clock, answer, written, ended } = setUp("responses");
  await clock.advance(25_000);
  expect(written).toEqual([10_000, 20_000, 30_000].map((atMs) => ({ atMs, text: ": waking\n\n" })));
  answer.resolve(answerOf("data: [DONE]\n\n"));
  await ended;
  expect(written.slice(3)).toEqual([{ atMs: 35_000, text: "data: [DONE]\n\n" }]);
  expect(clock.timers).toBe(0);
});

Deno.test("an early stream passes the upstream's bytes on as they are", async () => {
  const { answer, ended, text } = setUp();
  const bytes = ': c\r\ndata: {"a":"\u20ac"}\r\n\r\nid: 1\ndata: no end';
  answer.resolve(answerOf(bytes));
  await ended;
  expect(text()).toBe(": waking\n\n" + bytes);
});

Deno.test("a chat stream that waits a minute gets an empty chunk every 30 s besides", async () => {
  const { clock, answer, written, ended } = setUp();
  await clock.advance(115_000);
  const chunks = written.filter(({ text }) => text.startsWith("data: "));
  expect(chunks.map(({ atMs }) => atMs)).toEqual([60_000, 90_000, 120_000]);
  expect(JSON.parse(chunks[0]!.text.slice("data: ".length))).toEqual({
    id: "chatcmpl-req-1",
    object: "chat.completion.chunk",
    created: Math.floor((clock.epochMs + 60_000) / 1000),
    model: "qwen",
    choices: [{ index: 0, delta: { content: "" }, finish_reason: null }],
  });
  answer.resolve(answerOf(null));
  await ended;
});

Deno.test("only chat streams get empty chunks", async () => {
  const { clock, answer, ended, text } = setUp("messages");
  await clock.advance(300_000);
  answer.resolve(answerOf(null));
  await ended;
  expect(text()).toMatch(/^(: waking\n\n)+$/);
});

Deno.test("a client that reads nothing for long does not get its chunks in one burst", async () => {
  const clock = new VirtualClock(10_000);
  const stream = earlyEvents(Promise.withResolvers<Answer>().promise, {
    ...{ clock, arrivedMs: 0, intervalMs: 10_000, api: "chat", rescue: answerTo },
    chat: { id: "c", model: "m" },
  });
  const next = async (afterMs: number) => {
    const chunk = stream.next();
    await clock.advance(afterMs);
    return new TextDecoder().decode((await chunk).value!).slice(0, 5);
  };
  expect(await next(0)).toBe(": wak");
  await clock.advance(600_000);
  expect(await next(0)).toBe("data:");
  expect(await next(10_000)).toBe(": wak");
  expect(await next(10_000)).toBe(": wak");
  expect(await next(10_000)).toBe(": wak");
  expect(await next(0)).toBe("data:");
});

for (const api of ["chat", "responses", "messages"] as const) {
  Deno.test(`a failed wake is told in an early ${api} stream`, async () => {
    const { clock, answer, ended, text } = setUp(api);
    await clock.advance(1);
    answer.reject(new ColdStartTimeout("qwen", "took too long"));
    await ended;
    expect(text()).toContain("took too long");
    expect(text()).toMatch(
      api === "chat" ? /"code":503\}\}\n\ndata: \[DONE\]\n\n$/ : /event: error/,
    );
  });
}

Deno.test("an upstream's error is told in an early stream, in its own words", async () => {
  const { answer, ended, text } = setUp();
  const error = { message: "max_tokens is too large", type: "BadRequestError", code: 400 };
  answer.resolve(answerOf(JSON.stringify({ error }), {
    status: 400,
    headers: { "content-type": "application/json" },
  }));
  await ended;
  expect(text()).toBe(
    `: waking\n\ndata: ${JSON.stringify({ error: { ...error, code: 400, param: null } })}`
      .replace('"code":400,"param":null', '"param":null,"code":400') + "\n\ndata: [DONE]\n\n",
  );
});

Deno.test("an answer that is no event stream is an error in an early stream", async () => {
  const { answer, ended, text } = setUp();
  answer.resolve(answerOf("{}", { headers: { "content-type": "application/json" } }));
  await ended;
  expect(text()).toContain("status 200 and application/json instead of an event stream");
  expect(text()).toContain('"code":502');
});

// It was passed on as it came, under headers that had left without a word of gzip.
Deno.test("an event stream that is packed is an error in an early stream", async () => {
  const { answer, ended, text } = setUp();
  answer.resolve(answerOf("\x1f\x8b", { headers: { "content-encoding": "gzip" } }));
  await ended;
  expect(text()).toContain("status 200 and gzip text/event-stream");
  expect(text()).toContain('"code":502');
});

// The client of an early stream got neither a comment nor an error any more, for as long as it stayed.
Deno.test("an upstream's error that does not end is told without its words", async () => {
  const { clock, answer, ended, text } = setUp();
  const cancelled = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{"error":{')),
    cancel: () => cancelled.resolve(),
  });
  answer.resolve(answerOf(body, { status: 500, headers: { "content-type": "application/json" } }));
  await clock.advance(10_000);
  await ended;
  expect(text()).toContain("answered with status 500");
  expect(text()).toMatch(/data: \[DONE\]\n\n$/);
  await cancelled.promise;
  expect(clock.timers).toBe(0);
});

Deno.test("an upstream that dies in the middle of an event: boundary, error, end", async () => {
  const { answer, ended, text } = setUp();
  answer.resolve(answerOf(brokenBody("data: 1\n\n", 'data: {"cho')));
  await ended;
  expect(text()).toMatch(
    /^: waking\n\ndata: 1\n\ndata: \{"cho\n\ndata: \{"error":.*\}\n\ndata: \[DONE\]\n\n$/,
  );
});

Deno.test("an upstream that dies between two events: error, end", async () => {
  const { answer, ended, text } = setUp("messages");
  answer.resolve(answerOf(brokenBody("data: 1\n\n")));
  await ended;
  expect(text()).toMatch(/^: waking\n\ndata: 1\n\nevent: error\ndata: .*\n\n$/);
});
