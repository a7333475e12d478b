import { expect } from "expect";
import fc from "fast-check";
import { systemClock } from "../platform/clock.ts";
import { systemListen } from "../platform/http_server.ts";
import { eventually } from "../testing/eventually.ts";
import { RawClient } from "../testing/raw_client.ts";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import { Wire } from "../testing/wire.ts";
import { ByteBudget } from "./budget.ts";
import { readBody } from "./body.ts";
import { RequestError } from "./request_error.ts";

const LIMITS = { max: 1_000, timeoutMs: 30_000 };

/** A request whose body comes as the test sends it. */
function slowRequest(headers: Record<string, string> = {}) {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (c) => void (controller = c),
    cancel: () => void (cancelled = true),
  });
  const request = new Request("http://gateway.test", { method: "POST", body, headers });
  return {
    request,
    send: (size: number) => controller.enqueue(new Uint8Array(size)),
    sendBytes: (bytes: Uint8Array) => controller.enqueue(bytes),
    end: () => controller.close(),
    fail: () => controller.error(new Error("gone")),
    get cancelled() {
      return cancelled;
    },
  };
}

function world(max = 10_000) {
  const clock = new VirtualClock();
  const budget = new ByteBudget(() => max);
  return { clock, budget, options: { ...LIMITS, clock, budget } };
}

/** What a promise has come to, without waiting for it. */
function watched<T>(promise: Promise<T>) {
  const state: { value?: T; error?: unknown } = {};
  promise.then((value) => state.value = value, (error) => state.error = error);
  return state;
}

Deno.test("readBody() gives the bytes, and their share of the budget back", async () => {
  const { budget, options } = world();
  const request = new Request("http://x", { method: "POST", body: "abc" });
  const body = await readBody(request, options);
  expect(new TextDecoder().decode(body.bytes)).toBe("abc");
  expect(budget.held).toBe(3);
  body[Symbol.dispose]();
  body[Symbol.dispose]();
  expect([budget.held, body.bytes.length, body.bytes.buffer.detached]).toEqual([0, 0, true]);
});

Deno.test("readBody() takes a request without a body for an empty one", async () => {
  const { options } = world();
  expect((await readBody(new Request("http://x"), options)).bytes.length).toBe(0);
});

// Eight heads that announced 64 MiB each, and nothing behind them, kept everybody else out for 30 s.
Deno.test("readBody() charges what has come, not what was announced", async () => {
  const { budget, options } = world();
  const slow = slowRequest({ "content-length": "100" });
  const state = watched(readBody(slow.request, options));
  await settle();
  expect(budget.held).toBe(0);
  slow.send(60);
  await settle();
  expect(budget.held).toBe(60);
  slow.send(40);
  slow.end();
  await settle();
  expect(state.value?.bytes.length).toBe(100);
  expect(budget.held).toBe(100);
});

// The server hands out every chunk in a buffer of 64 KiB: kept, 16,000 bytes held a gigabyte.
Deno.test("readBody() keeps no more memory than bytes, however small the pieces", async () => {
  const { options } = world();
  const slow = slowRequest();
  const state = watched(readBody(slow.request, options));
  for (let i = 0; i < 500; i++) slow.sendBytes(new Uint8Array(65_536).fill(i, 0, 1).subarray(0, 1));
  slow.end();
  await settle(5_000);
  const { bytes } = state.value!;
  expect([bytes.length, bytes.buffer.byteLength]).toEqual([500, 500]);
  expect([...bytes]).toEqual(Array.from({ length: 500 }, (_, i) => i % 256));
});

Deno.test("readBody() puts together any pieces, whatever length was announced", async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat({ max: 900 }), async (pieces, announced) => {
      const { budget, options } = world();
      const slow = slowRequest({ "content-length": String(announced) });
      const reading = readBody(slow.request, options);
      pieces.filter(({ length }) => length > 0).forEach(slow.sendBytes);
      slow.end();
      const { bytes } = await reading;
      expect([...bytes]).toEqual(pieces.flatMap((piece) => [...piece]));
      expect([bytes.buffer.byteLength, budget.held]).toEqual([bytes.length, bytes.length]);
    }),
    { numRuns: 300 },
  );
});

Deno.test("readBody() refuses what is announced as too large, before it is read", async () => {
  const { budget, options } = world();
  const slow = slowRequest({ "content-length": "1001" });
  const state = watched(readBody(slow.request, options));
  slow.end();
  await settle();
  expect(state.error).toMatchObject({ code: "request_too_large" });
  expect(budget.held).toBe(0);
});

Deno.test("readBody() refuses what turns out to be too large, at once", async () => {
  const { clock, budget, options } = world();
  const slow = slowRequest();
  const state = watched(readBody(slow.request, options));
  slow.send(1_000);
  await settle();
  expect([state.error, budget.held]).toEqual([undefined, 1_000]);
  slow.send(1);
  await settle();
  expect(state.error).toMatchObject({ code: "request_too_large" });
  expect(slow.cancelled).toBe(true);
  expect([budget.held, clock.timers]).toEqual([0, 0]);
});

Deno.test("readBody() refuses what the budget has no room for", async () => {
  const { budget, options } = world(1_500);
  using first = await readBody(
    new Request("http://x", { method: "POST", body: "x".repeat(900) }),
    options,
  );
  expect(first.bytes.length).toBe(900);
  const second = readBody(
    new Request("http://x", { method: "POST", body: "x".repeat(900) }),
    options,
  );
  await expect(second).rejects.toMatchObject({ code: "overloaded" });
  expect(budget.held).toBe(900);
});

Deno.test("readBody() gives up on a body that does not go on, not on one that is slow", async () => {
  const { clock, budget, options } = world();
  const slow = slowRequest();
  const state = watched(readBody(slow.request, options));
  for (let i = 0; i < 5; i++) {
    slow.send(10);
    await clock.advance(29_000);
    expect(state.error).toBe(undefined);
  }
  await clock.advance(1_000);
  expect(state.error).toMatchObject({ code: "request_timeout" });
  expect(slow.cancelled).toBe(true);
  expect([budget.held, clock.timers]).toEqual([0, 0]);
});

Deno.test("readBody() fails as the connection does when the client leaves", async () => {
  const { clock, budget, options } = world();
  const slow = slowRequest();
  const state = watched(readBody(slow.request, options));
  slow.send(10);
  await settle();
  slow.fail();
  await settle();
  expect(state.error).not.toBeInstanceOf(RequestError);
  expect([budget.held, clock.timers]).toEqual([0, 0]);
});

/** A server that answers with the error's code, or with the size of the body. */
async function serve(limits: { max: number; timeoutMs: number }) {
  const budget = new ByteBudget(() => 1 << 26);
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, async (request) => {
    try {
      using body = await readBody(request, { ...limits, budget, clock: systemClock });
      return new Response(String(body.bytes.length));
    } catch (error) {
      const { code } = error as RequestError;
      return new Response(code, { status: code === "request_timeout" ? 408 : 413 });
    }
  });
  return { server, budget };
}

for (
  const [framing, piece] of [
    [`Content-Length: ${100 * 2 ** 20}`, "x".repeat(2 ** 20)],
    ["Transfer-Encoding: chunked", `100000\r\n${"x".repeat(2 ** 20)}\r\n`],
  ] as const
) {
  Deno.test(`a client that sends 100 MB against a limit of 1 MB reads the 413 (${framing})`, async () => {
    const { server, budget } = await serve({ max: 2 ** 20, timeoutMs: 30_000 });
    try {
      using client = await RawClient.connect(server.port);
      await client.write(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`);
      const bytes = new TextEncoder().encode(piece);
      for (let sent = 0; sent < 100; sent++) await client.write(bytes);
      await eventually(() => client.received.includes("request_too_large"));
      expect(client.received).toMatch(/^HTTP\/1\.1 413 /);
    } finally {
      await server.shutdown();
    }
    expect(budget.held).toBe(0);
  });
}

for (const size of [2 ** 20, 2 ** 20 - 1, 2 ** 20 - 9, 70_000, 65_536, 1]) {
  Deno.test(`a chunked body of ${size} bytes that may have 1 MiB is taken as a whole`, async () => {
    const { server, budget } = await serve({ max: 2 ** 20, timeoutMs: 30_000 });
    try {
      using client = await RawClient.connect(server.port);
      await client.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (let left = size; left > 0; left -= 65_536) {
        const length = Math.min(left, 65_536);
        await client.write(`${length.toString(16)}\r\n${"x".repeat(length)}\r\n`);
      }
      await client.write("0\r\n\r\n");
      await eventually(() => client.received.includes(`\r\n${size}\r\n`));
    } finally {
      await server.shutdown();
    }
    expect(budget.held).toBe(0);
  });
}

Deno.test("a client that stops in the middle of its body reads the 408", async () => {
  const { server, budget } = await serve({ max: 2 ** 20, timeoutMs: 50 });
  try {
    using wire = await Wire.open(server.port);
    await wire.send({ target: "/", method: "POST", headers: ["Content-Length: 1000"] });
    expect(await wire.until("request_timeout")).toMatch(/^HTTP\/1\.1 408 /);
  } finally {
    await server.shutdown();
  }
  expect(budget.held).toBe(0);
});
