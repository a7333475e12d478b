import { expect } from "expect";
import { ModelUnavailable } from "../activator/errors.ts";
import { GatewayServer, post, until, Upstream } from "../testing/gateway_server.ts";
import { RawClient } from "../testing/raw_client.ts";
import { modelSpec } from "../testing/requests.ts";

const CHAT = "/v1/chat/completions";
const EVENTS = { "content-type": "text/event-stream; charset=utf-8" };
const encode = (text: string) => new TextEncoder().encode(text);

/** A sleeping model whose streams begin early, at once, and say so every few milliseconds. */
const sleeping = (over = {}) =>
  GatewayServer.start({
    models: [modelSpec("m", { earlyHeadersAfterMs: 0, keepAliveIntervalMs: 5, ...over })],
  });

Deno.test("a stream that waits is a 200 with comments, then the upstream's events", async () => {
  await using upstream = new Upstream(() =>
    new Response("data: 1\n\ndata: [DONE]\n\n", { headers: EVENTS })
  );
  await using gateway = await sleeping();
  const response = await post(gateway.url + CHAT, { model: "m", stream: true });
  expect(Object.fromEntries(response.headers)).toMatchObject({
    ...EVENTS,
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    "x-request-id": expect.any(String),
  });
  expect(response.headers.has("x-cold-start-ms")).toBe(false);
  gateway.admission().open([upstream.url]);
  expect(await response.text()).toMatch(/^(: waking\n\n)+data: 1\n\ndata: \[DONE\]\n\n$/);
  await gateway.quiet();
});

Deno.test("a request that asked for no stream waits in silence and gets the real status", async () => {
  await using gateway = await sleeping();
  const asked = post(gateway.url + CHAT, { model: "m" });
  await until(() => gateway.admission().pending === 1);
  gateway.admission().fail(
    new ModelUnavailable("m", { kind: "image", message: "ImagePullBackOff" }, 10_000),
  );
  const response = await asked;
  expect([response.status, response.headers.get("x-should-retry")]).toEqual([503, "false"]);
  expect((await response.json()).error.message).toContain("ImagePullBackOff");
  await gateway.quiet();
});

Deno.test("a failed wake is told in an early stream, and in the record", async () => {
  await using gateway = await sleeping();
  const response = await post(`${gateway.url}/v1/messages`, { model: "m", stream: true });
  gateway.admission().fail(
    new ModelUnavailable("m", { kind: "image", message: "ImagePullBackOff" }, 10_000),
  );
  const text = await response.text();
  expect(text).toMatch(/event: error\ndata: .*overloaded_error.*ImagePullBackOff.*\n\n$/);
  await gateway.quiet();
  expect(gateway.records).toMatchObject([{ model: "m", status: 200, code: "model_unavailable" }]);
});

/** A stream that writes `text`, and breaks its connection once `broken` is resolved. */
function breaking(text: string, broken: Promise<void>): Response {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(encode(text));
      void broken.then(() => controller.error(new Error("planned")));
    },
  });
  return new Response(body, { headers: EVENTS });
}

Deno.test("an upstream that dies in an early stream: the event is finished, the error told", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using upstream = new Upstream(() => breaking('data: 1\n\ndata: {"half', promise));
  await using gateway = await sleeping();
  using client = await RawClient.connect(gateway.port);
  await client.post(CHAT, { model: "m", stream: true });
  await until(() => client.received.includes(": waking"));
  gateway.admission().open([upstream.url]);
  await until(() => client.received.includes("half"));
  resolve();
  await until(() => client.chunks.complete);
  expect(client.chunks.text)
    .toMatch(/data: 1\n\ndata: \{"half\n\ndata: \{"error":\{.*\}\}\n\ndata: \[DONE\]\n\n$/);
  await gateway.quiet();
  expect(gateway.records).toMatchObject([{ code: "upstream_unreachable" }]);
});

Deno.test("an upstream that dies in a stream that did not wait: never a clean end", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using upstream = new Upstream(() => breaking("data: 1\n\n", promise));
  await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
  using client = await RawClient.connect(gateway.port);
  await client.post(CHAT, { model: "m", stream: true });
  await until(() => client.received.includes("data: 1"));
  resolve();
  await client.ended;
  expect(client.chunks).toEqual({ text: "data: 1\n\n", complete: false });
  await gateway.quiet();
});

Deno.test("an early JSON answer is white space, then the answer", async () => {
  await using upstream = new Upstream(() => Response.json({ ok: 1 }));
  await using gateway = await sleeping({ keepAliveJson: true });
  const response = await post(gateway.url + CHAT, { model: "m" });
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    "application/json",
  ]);
  gateway.admission().open([upstream.url]);
  const text = await response.text();
  expect([text.trimStart(), text.length - text.trimStart().length > 0]).toEqual(['{"ok":1}', true]);
  await gateway.quiet();
});

Deno.test("an early JSON answer that fails breaks its connection", async () => {
  await using upstream = new Upstream(() => Response.json({ error: "no" }, { status: 400 }));
  await using gateway = await sleeping({ keepAliveJson: true });
  using client = await RawClient.connect(gateway.port);
  await client.post(CHAT, { model: "m" });
  await until(() => client.received.includes("200 OK"));
  gateway.admission().open([upstream.url]);
  await client.ended;
  expect([client.chunks.text.trim(), client.chunks.complete]).toEqual(["", false]);
  await gateway.quiet();
  expect(gateway.records).toMatchObject([{ code: "upstream_unreachable" }]);
});

Deno.test("a client's own timeout ends a silent wait in time", async () => {
  await using gateway = await sleeping({ earlyHeadersAfterMs: 10_000 });
  const asked = post(gateway.url + CHAT, { model: "m" }, {
    headers: { "x-stainless-timeout": "600" },
  });
  await until(() => gateway.admission().pending === 1);
  const { timeoutMs } = gateway.admission().asked[0]!;
  expect(timeoutMs).toBeGreaterThan(500_000);
  expect(timeoutMs).toBeLessThanOrEqual(540_000);
  const streamed = post(gateway.url + CHAT, { model: "m", stream: true }, {
    headers: { "x-stainless-timeout": "600" },
  });
  await until(() => gateway.admission().pending === 2);
  expect(gateway.admission().asked[1]!.timeoutMs).toBe(undefined);
  gateway.admission().fail(new Error("over"));
  for (const response of await Promise.all([asked, streamed])) await response.body?.cancel();
  await gateway.quiet();
});
