import { expect } from "expect";
import { GatewayServer, post, until, Upstream } from "../testing/gateway_server.ts";
import { RawClient } from "../testing/raw_client.ts";
import { modelSpec } from "../testing/requests.ts";

const CHAT = "/v1/chat/completions";
const EVENTS = { "content-type": "text/event-stream; charset=utf-8" };
const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("an answer passes byte for byte, however it is cut into chunks", async () => {
  const bytes = encode(
    ': c\r\ndata: {"a":"\u20ac\u{1f600}"}\r\n\r\n: x\n\ndata: no newline at the end',
  );
  const binary = Uint8Array.from({ length: 70_000 }, (_, i) => i * 7 % 256);
  for (const [body, size] of [[bytes, 1], [bytes, 3], [binary, 65_000]] as const) {
    await using upstream = new Upstream(() =>
      new Response(slices(body, size), { headers: EVENTS })
    );
    await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
    const response = await post(gateway.url + CHAT, { model: "m", stream: true });
    expect(response.headers.get("content-type")).toBe(EVENTS["content-type"]);
    expect(await response.bytes()).toEqual(body);
    await gateway.quiet();
  }
});

/** `bytes` in chunks of `size`. */
function slices(bytes: Uint8Array<ArrayBuffer>, size: number): ReadableStream {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += size));
    },
  });
}

Deno.test("events pass one by one: each is there before the next is written", async () => {
  const stream = new TransformStream<Uint8Array, Uint8Array>();
  const writer = stream.writable.getWriter();
  await using upstream = new Upstream(() => new Response(stream.readable, { headers: EVENTS }));
  await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
  const response = await post(gateway.url + CHAT, { model: "m", stream: true });
  const reader = response.body!.getReader();
  for (let i = 0; i < 5; i++) {
    await writer.write(encode(`data: ${i}\n\n`));
    expect((await reader.read()).value).toEqual(encode(`data: ${i}\n\n`));
  }
  await writer.close();
  expect((await reader.read()).done).toBe(true);
  await gateway.quiet();
});

Deno.test("a request goes upstream as it came, but for its path's prefix and the hop's headers", async () => {
  let seen: { url: URL; headers: Headers; body: string } | undefined;
  await using upstream = new Upstream(async (request) => {
    seen = { url: new URL(request.url), headers: request.headers, body: await request.text() };
    return Response.json({ id: 1 }, {
      headers: { "x-upstream": "yes", connection: "x-hop", "x-hop": "1" },
    });
  });
  await using gateway = await GatewayServer.start({
    endpoints: [`${upstream.url}/base`],
    models: [modelSpec("m", { aliases: ["gpt"], upstreamModel: "Qwen/Qwen3" })],
    routes: [{ path: "/embed", model: "m", stripPrefix: true }],
  });
  const body = '{ "n": 12345678901234567890, "model" : "gpt", "n": 1e400 }';
  const response = await post(`${gateway.url}/embed//v1/embeddings/?a=1%2F2&b`, body, {
    headers: { authorization: "Bearer client", "x-cold-start": "never", "x-mine": "1" },
  });
  expect([response.status, response.headers.get("x-upstream"), response.headers.get("x-hop")])
    .toEqual([200, "yes", null]);
  await response.body?.cancel();
  expect([seen!.url.pathname, seen!.url.search]).toEqual(["/base/v1/embeddings", "?a=1%2F2&b"]);
  expect(seen!.body).toBe(body.replace('"gpt"', '"Qwen/Qwen3"'));
  const header = (name: string) => seen!.headers.get(name);
  expect([header("authorization"), header("x-mine"), header("accept-encoding")])
    .toEqual(["Bearer client", "1", "identity"]);
  expect([header("x-cold-start"), header("x-forwarded-for"), header("x-request-id")])
    .toEqual([null, "127.0.0.1", response.headers.get("x-request-id")]);
  await gateway.quiet();
});

Deno.test("redirects are the client's to follow, errors its to read, and nothing is added to either", async () => {
  await using upstream = new Upstream((request) =>
    new URL(request.url).pathname === "/v1/completions"
      ? new Response(null, { status: 307, headers: { location: "/elsewhere" } })
      : Response.json({ error: { code: 400, message: "no" } }, { status: 400 })
  );
  await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
  const moved = await post(`${gateway.url}/v1/completions`, { model: "m" }, { redirect: "manual" });
  expect([moved.status, moved.headers.get("location")]).toEqual([307, "/elsewhere"]);
  const failed = await post(gateway.url + CHAT, { model: "m" });
  expect([failed.status, failed.headers.get("retry-after"), await failed.json()])
    .toEqual([400, null, { error: { code: 400, message: "no" } }]);
  expect(upstream.requests).toBe(2);
  await gateway.quiet();
});

Deno.test("GET and HEAD pass by their route while the model is up", async () => {
  await using upstream = new Upstream((request) =>
    new Response(`${request.method} ${new URL(request.url).pathname}`)
  );
  await using gateway = await GatewayServer.start({
    endpoints: [upstream.url],
    routes: [{ path: "/raw", model: "m", stripPrefix: true }],
  });
  expect(await (await fetch(`${gateway.url}/raw/version`)).text()).toBe("GET /version");
  const head = await fetch(`${gateway.url}/raw/version`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  expect((await fetch(`${gateway.url}/raw/metrics`)).status).toBe(404);
  await gateway.quiet();
});

Deno.test("in drop-in mode every name means the model and every GET may reach it", async () => {
  await using upstream = new Upstream(async (request) =>
    new Response(new URL(request.url).pathname + await request.text())
  );
  await using gateway = await GatewayServer.start({ dropIn: true, endpoints: [upstream.url] });
  const posted = await post(gateway.url + CHAT, '{"model":"whatever"}');
  expect(await posted.text()).toBe(CHAT + '{"model":"whatever"}');
  expect(await (await fetch(`${gateway.url}/any/page`)).text()).toBe("/any/page");
  expect((await fetch(`${gateway.url}/v1/sleep`)).status).toBe(404);
  await gateway.quiet();
});

Deno.test("every pod is asked in turn for what lives in one pod's memory", async () => {
  const answer = (knows: string) => (request: Request) =>
    new URL(request.url).pathname.endsWith(knows)
      ? new Response(knows)
      : Response.json({ error: "unknown" }, { status: 404 });
  await using a = new Upstream(answer("resp_a"));
  await using b = new Upstream(answer("resp_b"));
  await using gateway = await GatewayServer.start({ endpoints: [a.url, b.url] });
  for (const id of ["resp_b", "resp_a", "resp_a", "resp_b"]) {
    const response = await fetch(`${gateway.url}/v1/responses/${id}`);
    expect([response.status, await response.text()]).toEqual([200, id]);
  }
  const cancelled = await fetch(`${gateway.url}/v1/responses/resp_b/cancel`, { method: "POST" });
  expect([cancelled.status, await cancelled.json()]).toEqual([404, { error: "unknown" }]);
  await gateway.quiet();
});

Deno.test("a hundred requests at once each get their own answer", async () => {
  await using upstream = new Upstream(async (request) => new Response(await request.text()));
  await using gateway = await GatewayServer.start();
  const bodies = Array.from({ length: 100 }, (_, n) => JSON.stringify({ model: "m", n }));
  const asked = bodies.map(async (body) => await (await post(gateway.url + CHAT, body)).text());
  await until(() => gateway.admission().pending === 100);
  expect(gateway.gateway.heldBytes).toBe(bodies.join("").length);
  gateway.admission().open([upstream.url]);
  expect(await Promise.all(asked)).toEqual(bodies);
  await gateway.quiet();
});

Deno.test("bodies beyond bufferedMax are refused while others wait", async () => {
  await using gateway = await GatewayServer.start({ server: { bufferedMax: 100 } });
  using first = await RawClient.connect(gateway.port);
  await first.post(CHAT, { model: "m", pad: "x".repeat(50) });
  await until(() => gateway.admission().pending === 1);
  const response = await post(gateway.url + CHAT, { model: "m", pad: "x".repeat(50) });
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
  expect((await response.json()).error.code).toBe("overloaded");
});
