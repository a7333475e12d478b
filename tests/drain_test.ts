/**
 * How a gateway's process ends, clause by clause: not ready, still serving, nothing new, what runs finished or broken,
 * local processes last; and at once when it is told twice. What waits for a Deployment is in `cluster/drain.ts`.
 */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { allGone, engineModel, GatewayProcess } from "../src/testing/gateway_process.ts";
import { Upstream } from "../src/testing/gateway_server.ts";
import { RawClient } from "../src/testing/raw_client.ts";

const CHAT = "/v1/chat/completions";
const ENDLESS = "--tokens 100000 --tokens-per-second 20";

const external = (url: string) => `  m: { external: true, upstream: "${url}" }\n`;
const portOf = ({ url }: GatewayProcess) => Number(new URL(url).port);

/** An engine whose streams begin at once, and go on and end when the test says so. */
function heldUpstream(): { upstream: Upstream; say(text: string): void; end(): void } {
  const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
  const bytesOf = (text: string) => new TextEncoder().encode(text);
  const upstream = new Upstream(async (request) => {
    const { stream } = await request.json();
    if (!stream) return Response.json({ id: "whole" });
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start(controller) {
        streams.push(controller);
        controller.enqueue(bytesOf("data: first\n\n"));
      },
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  });
  return {
    upstream,
    say: (text) => streams.forEach((controller) => controller.enqueue(bytesOf(text))),
    end: () => streams.forEach((controller) => controller.close()),
  };
}

async function isRefused(gateway: GatewayProcess): Promise<boolean> {
  try {
    (await RawClient.connect(portOf(gateway)))[Symbol.dispose]();
    return false;
  } catch (error) {
    // Taken by a socket that was closed just then.
    if (error instanceof Deno.errors.ConnectionReset) return false;
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    return true;
  }
}

async function read(response: Promise<Response>): Promise<[status: number, text: string]> {
  const { status, body } = await response;
  return [status, await new Response(body).text()];
}

Deno.test("SIGTERM: /readyz says 503 while all is served for shutdownDelay, then connections are refused", async () => {
  const { upstream } = heldUpstream();
  await using _ = upstream;
  await using gateway = await GatewayProcess.start(external(upstream.url), {
    server: "shutdownDelay: 2s\noperator: 127.0.0.1:0",
  });
  const operator = gateway.operatorUrl;
  expect(await read(fetch(`${gateway.url}/readyz`))).toEqual([200, '{"status":"ready"}']);
  const sinceMs = performance.now();
  gateway.signal("SIGTERM");
  await eventually(async () => (await read(fetch(`${gateway.url}/readyz`)))[0] === 503);
  expect((await read(fetch(`${operator}/readyz`)))[0]).toBe(503);
  expect((await read(fetch(`${gateway.url}/health`)))[0]).toBe(200);
  expect(await read(gateway.chat("m"))).toEqual([200, '{"id":"whole"}']);
  expect(await isRefused(gateway)).toBe(false);
  await eventually(() => isRefused(gateway));
  expect(performance.now() - sinceMs).toBeGreaterThan(1_990);
  expect((await gateway.status).code).toBe(0);
});

Deno.test("SIGTERM lets a stream end in full; what comes on its connection is told, an idle one is closed", async () => {
  const { upstream, say, end } = heldUpstream();
  await using _ = upstream;
  await using gateway = await GatewayProcess.start(external(upstream.url));
  using idle = await RawClient.connect(portOf(gateway));
  await idle.post(CHAT, { model: "m" });
  await eventually(() => idle.received.includes("whole"));
  using busy = await RawClient.connect(portOf(gateway));
  await busy.post(CHAT, { model: "m", stream: true });
  await eventually(() => busy.chunks.text.includes("first"));
  gateway.signal("SIGTERM");
  await idle.ended;
  await eventually(() => isRefused(gateway));
  await busy.post(CHAT, { model: "m" });
  say("data: later\n\n");
  await eventually(() => busy.chunks.text.includes("later"));
  end();
  await busy.ended;
  expect(busy.chunks).toEqual({ text: "data: first\n\ndata: later\n\n", complete: true });
  const last = busy.received.slice(busy.received.lastIndexOf("HTTP/1.1"));
  expect(last).toMatch(/^HTTP\/1\.1 503 .*\r\nconnection: close\r\n.*"code":"draining"/s);
  expect(upstream.requests).toBe(2);
  expect((await gateway.status).code).toBe(0);
});

Deno.test("SIGTERM breaks what is left at drainTimeout, and its client can tell", async () => {
  const { upstream } = heldUpstream();
  await using _ = upstream;
  await using gateway = await GatewayProcess.start(external(upstream.url), {
    server: "drainTimeout: 300ms",
  });
  using client = await RawClient.connect(portOf(gateway));
  await client.post(CHAT, { model: "m", stream: true });
  await eventually(() => client.chunks.text.includes("first"));
  const sinceMs = performance.now();
  gateway.signal("SIGTERM");
  await client.ended;
  expect(performance.now() - sinceMs).toBeGreaterThan(290);
  expect(client.chunks).toEqual({ text: "data: first\n\n", complete: false });
  await eventually(() => upstream.aborted === 1);
  expect((await gateway.status).code).toBe(0);
});

Deno.test("SIGTERM breaks the stream of a local process at drainTimeout too: it is killed, and ends nothing as if it were whole", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("m", ENDLESS),
    { server: "drainTimeout: 300ms" },
  );
  const response = await gateway.chat("m", { stream: true });
  const whole = response.text();
  whole.catch(() => {});
  gateway.signal("SIGTERM");
  await expect(whole).rejects.toThrow();
  expect((await gateway.status).code).toBe(0);
});

Deno.test("SIGTERM stops a local process after its last stream and not before: each is whole", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("m", "--tokens 60 --tokens-per-second 40"),
  );
  const bodies = [5, 60].map((max_tokens) => ({
    ...{ max_tokens, stream: true, stream_options: { include_usage: true } },
  }));
  const streams = await Promise.all(bodies.map((body) => gateway.chat("m", body)));
  gateway.signal("SIGTERM");
  const texts = await Promise.all(streams.map((stream) => stream.text()));
  texts.forEach((text, i) => {
    // An engine that is stopped ends its streams as if they were whole, with `abort`.
    expect(text).toContain('"finish_reason":"length"');
    expect(text).toContain(`"completion_tokens":${bodies[i]!.max_tokens}`);
    expect(text.trimEnd()).toMatch(/data: \[DONE\]$/);
  });
  expect((await gateway.status).code).toBe(0);
  const { ended } = gateway.lines.find(({ msg }) => msg === "process stopped")!;
  expect(ended).toBe("exited with code 0");
  expect(await allGone(gateway.enginePids())).toBe(true);
});

Deno.test("SIGTERM tells at once those who wait for a process that ends with the gateway", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m", "--cold-start 60s"));
  const waiting = gateway.chat("m");
  await gateway.until("m", "waking");
  gateway.signal("SIGTERM");
  const response = await waiting;
  expect(response.status).toBe(503);
  expect((await response.json()).error.code).toBe("draining");
  await gateway.status;
  expect(await allGone(gateway.enginePids())).toBe(true);
});

Deno.test("SIGTERM tells at once, in its stream, who has an early 200 and waits for a local process", async () => {
  await using gateway = await GatewayProcess.start(
    engineModel("m", "--cold-start 1h", "earlyHeadersAfter: 100ms\nkeepAliveInterval: 100ms"),
  );
  const stream = await gateway.chat("m", { stream: true });
  expect(stream.status).toBe(200);
  gateway.signal("SIGTERM");
  expect(await stream.text()).toMatch(
    /"message":"The gateway is stopping[^\n]*\n\ndata: \[DONE\]\n\n$/,
  );
  expect((await gateway.status).code).toBe(0);
  expect(await allGone(gateway.enginePids())).toBe(true);
});

Deno.test("SIGINT waits for no balancer: nobody waits out shutdownDelay at a terminal", async () => {
  const { upstream } = heldUpstream();
  await using _ = upstream;
  await using gateway = await GatewayProcess.start(external(upstream.url), {
    server: "shutdownDelay: 1h",
  });
  gateway.signal("SIGINT");
  expect((await gateway.status).code).toBe(0);
});

const SECOND: readonly [Deno.Signal, Deno.Signal, code: number, when: string, server: string][] = [
  ["SIGTERM", "SIGTERM", 143, "within drainTimeout", "drainTimeout: 1h"],
  ["SIGINT", "SIGINT", 130, "within drainTimeout", "drainTimeout: 1h"],
  ["SIGTERM", "SIGINT", 130, "within shutdownDelay", "shutdownDelay: 1h"],
];

for (const [first, second, code, when, server] of SECOND) {
  Deno.test(`${second} after ${first}, ${when}: it ends at once with ${code}, streams broken, processes gone`, async () => {
    await using gateway = await GatewayProcess.start(engineModel("m", ENDLESS), { server });
    using client = await RawClient.connect(portOf(gateway));
    await client.post(CHAT, { model: "m", stream: true, messages: [] });
    await eventually(() => client.chunks.text.includes("data: "), 20_000);
    gateway.signal(first);
    await eventually(() => gateway.lines.some(({ msg }) => msg === "draining"));
    gateway.signal(second);
    expect((await gateway.status).code).toBe(code);
    await client.ended;
    expect(client.chunks.complete).toBe(false);
    await eventually(() => allGone(gateway.enginePids()));
  });
}

// It waited for ever for whoever had asked for a tunnel, was refused it, and did not hang up: no Lease was given back.
Deno.test("SIGTERM is held up by nobody who connects and says nothing, or does not hang up", async () => {
  await using gateway = await GatewayProcess.start(engineModel("m"));
  await read(gateway.chat("m", { max_tokens: 1 }));
  using _silent = await RawClient.connect(portOf(gateway));
  using slow = await RawClient.connect(portOf(gateway));
  await slow.write("GET / HTTP/1.1\r\nHost:");
  using tunnel = await RawClient.connect(portOf(gateway));
  await tunnel.write("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => tunnel.received.includes("\r\n\r\n"));
  gateway.signal("SIGTERM");
  expect((await gateway.status).code).toBe(0);
  const said = gateway.lines.map(({ msg }) => msg);
  expect(said.join("\n")).not.toMatch(/drainTimeout is over/);
  expect(said).toContain("process stopped");
});
