import { expect } from "expect";
import { GatewayServer, until, Upstream } from "../testing/gateway_server.ts";
import { RawClient } from "../testing/raw_client.ts";
import { modelSpec } from "../testing/requests.ts";
import { Cancellation } from "./cancellation.ts";

const CHAT = "/v1/chat/completions";
const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("Cancellation ends what is under way when the client leaves, and what comes after", () => {
  const client = new AbortController();
  const cancellation = new Cancellation(client.signal);
  const { signal } = cancellation;
  client.abort(new Error("gone"));
  expect([signal.aborted, cancellation.left]).toEqual([true, true]);
  cancellation.giveUp();
  expect(cancellation.signal.aborted).toBe(true);
  expect(new Cancellation(client.signal).left).toBe(true);
});

Deno.test("Cancellation lets the request go on after an attempt was given up", () => {
  const client = new AbortController();
  const cancellation = new Cancellation(client.signal);
  const first = cancellation.signal;
  cancellation.giveUp();
  expect([first.aborted, cancellation.signal.aborted, cancellation.left])
    .toEqual([true, false, false]);
  client.abort();
  expect(cancellation.signal.aborted).toBe(true);
});

Deno.test("a client that leaves while its body is read leaves nothing behind", async () => {
  await using gateway = await GatewayServer.start();
  const client = await RawClient.connect(gateway.port);
  const head = "host: a\r\ncontent-type: application/json\r\ncontent-length: 100";
  await client.write(`POST ${CHAT} HTTP/1.1\r\n${head}\r\n\r\n{"model":`);
  await until(() => gateway.gateway.heldBytes === 9);
  client[Symbol.dispose]();
  await gateway.quiet();
  expect([gateway.records.length, gateway.admission().asked]).toEqual([1, []]);
});

Deno.test("a client that leaves while it waits is never sent upstream", async () => {
  await using upstream = new Upstream(() => new Response("ok"));
  await using gateway = await GatewayServer.start();
  const client = await RawClient.connect(gateway.port);
  await client.post(CHAT, { model: "m" });
  await until(() => gateway.admission().pending === 1);
  client[Symbol.dispose]();
  await gateway.quiet();
  gateway.admission().open([upstream.url]);
  expect([upstream.requests, gateway.records]).toMatchObject([0, [{ model: "m", status: 499 }]]);
});

Deno.test("a client that leaves before the headers aborts the upstream", async () => {
  await using upstream = new Upstream(() => new Promise(() => {}));
  await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
  const client = await RawClient.connect(gateway.port);
  await client.post(CHAT, { model: "m" });
  await until(() => upstream.requests === 1);
  expect(gateway.admission().inFlight).toBe(1);
  client[Symbol.dispose]();
  await until(() => upstream.aborted === 1);
  await gateway.quiet();
});

/** An event every few milliseconds, for ever; `cancelled` counts the streams that were stopped. */
function endless(counts: { cancelled: number }): Response {
  let timer: ReturnType<typeof setInterval>;
  const body = new ReadableStream({
    start: (controller) => {
      timer = setInterval(() => controller.enqueue(encode("data: x\n\n")), 2);
    },
    cancel: () => {
      clearInterval(timer);
      counts.cancelled++;
    },
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

Deno.test("a client that leaves in the middle of a stream stops the upstream", async () => {
  const counts = { cancelled: 0 };
  await using upstream = new Upstream(() => endless(counts));
  await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
  const client = await RawClient.connect(gateway.port);
  await client.post(CHAT, { model: "m", stream: true });
  await until(() => client.received.split("data: x").length > 5);
  expect(gateway.admission().inFlight).toBe(1);
  client[Symbol.dispose]();
  await until(() => counts.cancelled === 1);
  await gateway.quiet();
});

Deno.test("a client that leaves an early stream while it waits leaves the queue", async () => {
  await using gateway = await GatewayServer.start({
    models: [modelSpec("m", { earlyHeadersAfterMs: 0, keepAliveIntervalMs: 5 })],
  });
  const client = await RawClient.connect(gateway.port);
  await client.post(CHAT, { model: "m", stream: true });
  await until(() => client.received.split(": waking").length > 3);
  expect(gateway.admission().pending).toBe(1);
  client[Symbol.dispose]();
  await gateway.quiet();
  expect(gateway.records).toMatchObject([{ status: 200, code: undefined }]);
});

Deno.test("a client that leaves an early stream of the upstream's events stops the upstream", async () => {
  const counts = { cancelled: 0 };
  await using upstream = new Upstream(() => endless(counts));
  await using gateway = await GatewayServer.start({
    models: [modelSpec("m", { earlyHeadersAfterMs: 0 })],
  });
  const client = await RawClient.connect(gateway.port);
  await client.post(CHAT, { model: "m", stream: true });
  await until(() => client.received.includes(": waking"));
  gateway.admission().open([upstream.url]);
  await until(() => client.received.split("data: x").length > 5);
  client[Symbol.dispose]();
  await until(() => counts.cancelled === 1);
  await gateway.quiet();
});

Deno.test("clients that come and go all at once leave nothing behind", async () => {
  const counts = { cancelled: 0 };
  await using upstream = new Upstream(() => endless(counts));
  await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
  const clients = await Promise.all(Array.from({ length: 40 }, async () => {
    const client = await RawClient.connect(gateway.port);
    await client.post(CHAT, { model: "m", stream: true });
    return client;
  }));
  await until(() => clients.every(({ received }) => received.includes("data: x")));
  for (const client of clients) client[Symbol.dispose]();
  await until(() => counts.cancelled === 40);
  await gateway.quiet();
});
