import { expect } from "expect";
import { textOf } from "../platform/http_body.ts";
import { silentLog } from "../telemetry/log.ts";
import { FakeAdmission } from "../testing/fake_admission.ts";
import { GatewayServer, post, until, Upstream } from "../testing/gateway_server.ts";
import { modelSpec, requestContext } from "../testing/requests.ts";
import { settle, VirtualClock } from "../testing/virtual_clock.ts";
import { Cancellation } from "./cancellation.ts";
import { type Exchange, exchange } from "./exchange.ts";

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
      ...{ method: "POST", path: "/v1/x", search: "", headers: [] },
      body: new Uint8Array(2),
    },
    cancellation: new Cancellation(client.signal),
    sendRequest: (url) => {
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
  };
  return { clock, admission, context, client, sentTo, seen, request, tools };
}

Deno.test("exchange() sends at once where the gate is open, and validates nothing", async () => {
  const { request, tools, context, admission, seen } = setUp([A], new Response("hi"));
  const { response, endpoint } = await exchange(request, tools);
  expect([await textOf(response.body), endpoint, seen]).toEqual(["hi", A, {
    validated: 0,
    waits: 0,
  }]);
  expect([admission.inFlight, context.coldStartMs]).toEqual([1, undefined]);
  context.complete();
  expect(admission.inFlight).toBe(0);
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

Deno.test("a request that is refused for ever is given up after one more try, or it could kill one engine after the other", async () => {
  const { request, tools, admission, sentTo } = setUp(
    [A, A, A, A, A],
    ...[refused(), refused(), refused(), refused()],
  );
  const stubborn: Exchange = {
    ...request,
    admission: () => Object.assign(admission, { endpoints: [A] }),
  };
  await expect(exchange(stubborn, tools)).rejects.toMatchObject({ code: "upstream_unreachable" });
  expect([sentTo.length, admission.refused.length, admission.inFlight]).toEqual([2, 2, 0]);
});

Deno.test("a connection that was closed is a 502 at once: work may have begun", async () => {
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

Deno.test("silence for longer than responseTimeout is a 504", async () => {
  const { request, tools, clock, admission } = setUp([A]);
  const answering = exchange({
    ...request,
    sendRequest: (_url, init) =>
      new Promise((_, reject) =>
        init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason))
      ),
  }, tools);
  const failed = expect(answering).rejects.toMatchObject({ code: "upstream_timeout" });
  await clock.advance(600_000);
  await failed;
  expect([admission.inFlight, clock.timers]).toEqual([0, 0]);
});

/** An upstream that answers with `serve`, one connection after another, in raw HTTP. */
function rawUpstream(serve: (conn: Deno.TcpConn, request: number) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.TcpConn[] = [];
  let requests = 0;
  const serveAll = async (conn: Deno.TcpConn) => {
    const buffer = new Uint8Array(65_536);
    try {
      while (await conn.read(buffer) !== null) await serve(conn, ++requests);
    } catch {
      // Closed by `serve`.
    }
  };
  const serving = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      void serveAll(conn);
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    conns,
    requests: () => requests,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of conns) {
        try {
          conn.close();
        } catch {
          // Closed before.
        }
      }
      await serving;
    },
  };
}

async function answerOk(conn: Deno.TcpConn): Promise<void> {
  await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
}

const CHAT = "/v1/chat/completions";

Deno.test("a pooled connection that dies under its request is retried on a fresh one", async () => {
  await using upstream = rawUpstream((conn, request) =>
    request === 2 ? Promise.resolve(conn.close()) : answerOk(conn)
  );
  await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
  for (let i = 0; i < 2; i++) {
    const response = await post(gateway.url + CHAT, { model: "m" });
    expect([response.status, await textOf(response.body)]).toEqual([200, "ok"]);
    await gateway.quiet();
  }
  expect([upstream.requests(), upstream.conns.length]).toEqual([3, 2]);
});

// The client does that by itself, once, for a connection that was used before. When the gateway did
// it as well, a request that made its engine break the connection was sent to it four times.
Deno.test("a request whose every connection dies is sent twice at most, and is a 502", async () => {
  let dying = false;
  await using upstream = rawUpstream((conn) =>
    dying ? Promise.resolve(conn.close()) : answerOk(conn)
  );
  await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
  const warm = Array.from({ length: 4 }, () => post(gateway.url + CHAT, { model: "m" }));
  for (const response of await Promise.all(warm)) await textOf(response.body);
  await gateway.quiet();
  dying = true;
  const before = upstream.requests();
  const response = await post(gateway.url + CHAT, { model: "m" });
  expect([response.status, (await response.json()).error.code]).toEqual([
    502,
    "upstream_unreachable",
  ]);
  await gateway.quiet();
  expect(upstream.requests() - before).toBe(2);
});

Deno.test("a fresh connection that dies under its request is a 502 and not sent again", async () => {
  await using upstream = rawUpstream((conn) => Promise.resolve(conn.close()));
  await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
  const response = await post(gateway.url + CHAT, { model: "m" });
  expect([response.status, response.headers.get("retry-after")]).toEqual([502, "1"]);
  expect((await response.json()).error.code).toBe("upstream_unreachable");
  await gateway.quiet();
  expect(upstream.requests()).toBe(1);
});

Deno.test("a refused connection waits until the model is up again, whatever its body's size", async () => {
  await using upstream = new Upstream(async (request) => new Response(await request.text()));
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const refusing = `http://127.0.0.1:${gone.addr.port}`;
  gone.close();
  await using gateway = await GatewayServer.start({ endpoints: [refusing] });
  const body = JSON.stringify({ model: "m", pad: "x".repeat(300_000) });
  const asked = post(gateway.url + CHAT, body);
  await until(() => gateway.admission().pending === 1);
  expect([gateway.admission().refused, gateway.admission().inFlight]).toEqual([[refusing], 0]);
  gateway.admission().open([upstream.url]);
  const response = await asked;
  expect([response.status, await textOf(response.body) === body]).toEqual([200, true]);
  await gateway.quiet();
});

Deno.test("a request that was refused is checked in full before it waits", async () => {
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const refusing = `http://127.0.0.1:${gone.addr.port}`;
  gone.close();
  await using gateway = await GatewayServer.start({ endpoints: [refusing] });
  const response = await post(gateway.url + CHAT, '{"model":"m"} trailing');
  expect((await response.json()).error.code).toBe("invalid_json");
  expect(gateway.admission().asked.length).toBeLessThanOrEqual(1);
  await gateway.quiet();
});
