import { expect } from "expect";
import { GatewayServer, post, until, Upstream } from "../testing/gateway_server.ts";
import { RawClient } from "../testing/raw_client.ts";
import { modelSpec } from "../testing/requests.ts";

const CHAT = "/v1/chat/completions";

/** What a client sees of an error: status and code. */
async function errorOf(response: Response): Promise<[number, string]> {
  return [response.status, (await response.json()).error.code];
}

Deno.test("the gateway answers what is asked of itself, and no upstream", async () => {
  await using gateway = await GatewayServer.start();
  const table: [string, number, unknown][] = [
    ["/health", 200, { status: "ok" }],
    ["/ping/", 200, { status: "ok" }],
    ["//health", 200, { status: "ok" }],
    ["/readyz", 200, { status: "ready" }],
    ["/version", 200, { version: "1.2.3" }],
  ];
  for (const [path, status, body] of table) {
    const response = await fetch(gateway.url + path);
    expect([path, response.status, await response.json()]).toEqual([path, status, body]);
  }
  await gateway.quiet();
});

Deno.test("HEAD is GET without a body, OPTIONS is 204, other methods are 405 with Allow", async () => {
  await using gateway = await GatewayServer.start();
  const ask = async (method: string, path: string) => {
    const response = await fetch(gateway.url + path, { method });
    return [response.status, response.headers.get("allow"), (await response.text()).length > 0];
  };
  expect(await ask("HEAD", "/health")).toEqual([200, null, false]);
  expect(await ask("HEAD", "/v1/models")).toEqual([200, null, false]);
  expect(await ask("OPTIONS", CHAT)).toEqual([204, "GET, HEAD, POST, OPTIONS", false]);
  expect(await ask("POST", "/health")).toEqual([405, "GET, HEAD, OPTIONS", true]);
  expect(await ask("DELETE", "/v1/models")).toEqual([405, "GET, HEAD, OPTIONS", true]);
  expect(await ask("PUT", CHAT)).toEqual([405, "POST, GET, HEAD, OPTIONS", true]);
});

Deno.test("CONNECT, WebSocket upgrades and pages of the engine are refused", async () => {
  await using gateway = await GatewayServer.start();
  for (const path of ["/metrics", "/load", "/docs", "/openapi.json", "/sleep", "/v1/wake_up"]) {
    expect(await errorOf(await fetch(gateway.url + path))).toEqual([404, "not_found"]);
    expect(await errorOf(await post(`${gateway.url}/any/prefix${path}`, { model: "m" })))
      .toEqual([404, "not_found"]);
  }
  expect(await errorOf(await post(`${gateway.url}/collective_rpc`, { model: "m" })))
    .toEqual([404, "not_found"]);
  const ask = async (head: string) => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: gateway.port });
    await conn.write(new TextEncoder().encode(`${head}\r\n\r\n`));
    const chunk = new Uint8Array(4096);
    return new TextDecoder().decode(chunk.subarray(0, await conn.read(chunk) ?? 0));
  };
  expect(await ask("CONNECT evil.test:80 HTTP/1.1\r\nhost: evil.test:80")).toMatch(
    /^HTTP\/1.1 405/,
  );
  const upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13";
  const noKey = await ask(`GET /v1/realtime HTTP/1.1\r\nhost: a\r\n${upgrade}`);
  expect(noKey).toMatch(/^HTTP\/1.1 426 .*\r\nupgrade: websocket\r\n/s);
  expect(await ask("GET /v1/realtime HTTP/1.1\r\nhost: a")).toMatch(/^HTTP\/1.1 426/);
  const whole = `${upgrade}\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==`;
  expect(await ask(`GET /v1/else HTTP/1.1\r\nhost: a\r\n${whole}`)).toMatch(/^HTTP\/1.1 404/);
  expect(gateway.admission().asked).toEqual([]);
});

Deno.test("GET /v1/models lists names, aliases and adapters with their state", async () => {
  await using gateway = await GatewayServer.start({
    models: [modelSpec("Qwen/Qwen3-8B", { aliases: ["gpt"], adapters: ["lora"] }), modelSpec("b")],
  });
  gateway.admission("b").open(["http://127.0.0.1:1"]);
  const { object, data } = await (await fetch(`${gateway.url}/v1/models`)).json();
  expect(object).toBe("list");
  expect(data.map((model: Record<string, unknown>) => [model.id, model.parent, model.x_state]))
    .toEqual([
      ["Qwen/Qwen3-8B", null, "asleep"],
      ["gpt", "Qwen/Qwen3-8B", "asleep"],
      ["lora", "Qwen/Qwen3-8B", "asleep"],
      ["b", null, "idle"],
    ]);
  expect(data[0]).toMatchObject({ object: "model", owned_by: "vllm-autoscaler" });
  for (const id of ["Qwen/Qwen3-8B", "Qwen%2FQwen3-8B"]) {
    expect(await (await fetch(`${gateway.url}/v1/models/${id}`)).json()).toEqual(data[0]);
  }
  expect(await errorOf(await fetch(`${gateway.url}/v1/models/none`)))
    .toEqual([404, "model_not_found"]);
});

Deno.test("a key sees and uses only its models; probes need none", async () => {
  await using upstream = new Upstream(() => Response.json({ ok: true }));
  const key = { name: "team-a", operator: false, inFlightMax: 0, key: "s3cret", models: ["a"] };
  await using gateway = await GatewayServer.start({
    ...{ models: [modelSpec("a"), modelSpec("b")], endpoints: [upstream.url] },
    server: { keys: [key] },
  });
  const headers = { authorization: "Bearer s3cret" };
  const models = await (await fetch(`${gateway.url}/v1/models`, { headers })).json();
  expect(models.data.map(({ id }: { id: string }) => id)).toEqual(["a"]);
  const ask = (model: string, init?: RequestInit) => post(gateway.url + CHAT, { model }, init);
  expect(await (await ask("a", { headers })).json()).toEqual({ ok: true });
  expect(await errorOf(await ask("b", { headers }))).toEqual([403, "model_not_allowed"]);
  const anonymous = await ask("a");
  expect(anonymous.headers.get("www-authenticate")).toBe("Bearer");
  expect(await errorOf(anonymous)).toEqual([401, "invalid_api_key"]);
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
  expect(upstream.requests).toBe(1);
});

// Clients that kept their connections lost what they sent just when those were closed: 88 of 3,600 requests.
Deno.test("a gateway that is about to stop is not ready and asks for other connections, then takes nothing new", async () => {
  await using upstream = new Upstream(() => new Response("ok"));
  await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
  gateway.gateway.leave();
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(503);
  using client = await RawClient.connect(gateway.port);
  await client.post(CHAT, { model: "m" });
  await client.ended;
  expect(client.received).toMatch(/^HTTP\/1\.1 200 .*\r\nconnection: close\r\n.*ok/s);
  gateway.gateway.refuse();
  const response = await post(gateway.url + CHAT, { model: "m" });
  expect(response.headers.get("retry-after")).toBe("1");
  expect(await errorOf(response)).toEqual([503, "draining"]);
  expect((await fetch(`${gateway.url}/health`)).status).toBe(200);
});

Deno.test("every answer has the request's id: the client's if it is fit, else a new one", async () => {
  await using gateway = await GatewayServer.start();
  const idOf = async (id?: string) => {
    const response = await fetch(
      gateway.url + "/nothing",
      id ? { headers: { "x-request-id": id } } : {},
    );
    await response.body?.cancel();
    return response.headers.get("x-request-id");
  };
  expect(await idOf("abc.1")).toBe("abc.1");
  expect(await idOf("no spaces")).toMatch(/^[0-9a-f-]{36}$/);
  expect(await idOf()).toMatch(/^[0-9a-f-]{36}$/);
});

Deno.test("junk wakes nothing: each is refused before the model is asked for", async () => {
  await using gateway = await GatewayServer.start({ server: { bodyMax: 1000 } });
  const url = gateway.url + CHAT;
  const form = { headers: { "content-type": "application/x-www-form-urlencoded" } };
  const zip = { headers: { "content-encoding": "gzip" } };
  const table: [number, string, unknown, RequestInit?][] = [
    [400, "invalid_json", '{"model":"m"'],
    [400, "invalid_json", '{"model":"m"} trailing'],
    [400, "invalid_json", '{"model":"m","messages":[1,}'],
    [400, "invalid_json", '{"model":1}'],
    [400, "invalid_json", '[{"model":"m"}]'],
    [404, "model_not_found", { model: "gpt-9" }],
    [415, "unsupported_media_type", "model=m", form],
    [415, "unsupported_media_type", '{"model":"m"}', zip],
    [413, "request_too_large", { model: "m", pad: "x".repeat(2000) }],
  ];
  for (const [status, code, body, init] of table) {
    expect([body, await errorOf(await post(url, body, init))]).toEqual([body, [status, code]]);
  }
  const badUtf8 = new Uint8Array([
    ...new TextEncoder().encode('{"model":"m","x":"'),
    0xff,
    0x22,
    0x7d,
  ]);
  const headers = { "content-type": "application/json" };
  expect(await errorOf(await fetch(url, { method: "POST", headers, body: badUtf8 })))
    .toEqual([400, "invalid_json"]);
  expect(gateway.admission().asked).toEqual([]);
  await gateway.quiet();
});

Deno.test("what may not wake a model is told that it sleeps", async () => {
  await using gateway = await GatewayServer.start({
    routes: [{ path: "/embed", model: "m", stripPrefix: true }],
  });
  const never = { headers: { "x-cold-start": "never" } };
  const asleep = await post(gateway.url + CHAT, { model: "m" }, never);
  expect(asleep.headers.get("retry-after")).toBe("30");
  expect(await errorOf(asleep)).toEqual([503, "model_asleep"]);
  expect(await errorOf(await fetch(gateway.url + "/embed/info"))).toEqual([503, "model_asleep"]);
  expect(await errorOf(await fetch(gateway.url + "/v1/responses/resp_1"))).toEqual([
    404,
    "not_found",
  ]);
  expect(await errorOf(await fetch(gateway.url + "/info"))).toEqual([404, "not_found"]);
});

Deno.test("the record of a request names the model of the configuration, the status and the code", async () => {
  await using upstream = new Upstream(() => new Response("no", { status: 418 }));
  await using gateway = await GatewayServer.start({
    models: [modelSpec("m", { aliases: ["alias"] })],
  });
  await (await post(gateway.url + CHAT, { model: "whatever" })).body?.cancel();
  await until(() => gateway.records.length === 1);
  const waiting = post(gateway.url + CHAT, { model: "alias" });
  await until(() => gateway.admission().pending === 1);
  gateway.admission().open([upstream.url], 4_321.4);
  const response = await waiting;
  expect([response.status, response.headers.get("x-cold-start-ms")]).toEqual([418, "4321"]);
  await response.text();
  await until(() => gateway.records.length === 2);
  expect(gateway.records).toMatchObject([
    { model: "", status: 404, code: "model_not_found", coldStartMs: undefined },
    { model: "m", status: 418, code: undefined, coldStartMs: 4_321.4 },
  ]);
});
