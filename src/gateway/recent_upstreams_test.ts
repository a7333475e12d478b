import { expect } from "expect";
import { GatewayServer, post, until, Upstream } from "../testing/gateway_server.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { RecentUpstreams } from "./recent_upstreams.ts";

Deno.test("RecentUpstreams knows who completed a request within the pool's idle time", async () => {
  const clock = new VirtualClock();
  const recent = new RecentUpstreams(clock);
  expect(recent.has("http://a")).toBe(false);
  recent.completed("http://a");
  await clock.advance(3_999);
  expect([recent.has("http://a"), recent.has("http://b")]).toEqual([true, false]);
  await clock.advance(1);
  expect(recent.has("http://a")).toBe(false);
});

Deno.test("RecentUpstreams forgets pods that come and go", async () => {
  const clock = new VirtualClock();
  const recent = new RecentUpstreams(clock);
  for (let pod = 0; pod < 100; pod++) {
    recent.completed(`http://10.0.0.${pod}`);
    recent.completed("http://stable");
    await clock.advance(1_000);
  }
  expect(recent.size).toBeLessThanOrEqual(5);
  expect(recent.has("http://stable")).toBe(true);
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
  await using gateway = new GatewayServer({ endpoints: [upstream.url] });
  for (let i = 0; i < 2; i++) {
    const response = await post(gateway.url + CHAT, { model: "m" });
    expect([response.status, await response.text()]).toEqual([200, "ok"]);
    await gateway.quiet();
  }
  expect([upstream.requests(), upstream.conns.length]).toEqual([3, 2]);
});

Deno.test("a fresh connection that dies under its request is a 502 and not sent again", async () => {
  await using upstream = rawUpstream((conn) => Promise.resolve(conn.close()));
  await using gateway = new GatewayServer({ endpoints: [upstream.url] });
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
  await using gateway = new GatewayServer({ endpoints: [refusing] });
  const body = JSON.stringify({ model: "m", pad: "x".repeat(300_000) });
  const asked = post(gateway.url + CHAT, body);
  await until(() => gateway.admission().pending === 1);
  expect([gateway.admission().refused, gateway.admission().inFlight]).toEqual([[refusing], 0]);
  gateway.admission().open([upstream.url]);
  const response = await asked;
  expect([response.status, await response.text() === body]).toEqual([200, true]);
  await gateway.quiet();
});

Deno.test("a request that was refused is checked in full before it waits", async () => {
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const refusing = `http://127.0.0.1:${gone.addr.port}`;
  gone.close();
  await using gateway = new GatewayServer({ endpoints: [refusing] });
  const response = await post(gateway.url + CHAT, '{"model":"m"} trailing');
  expect((await response.json()).error.code).toBe("invalid_json");
  expect(gateway.admission().asked.length).toBeLessThanOrEqual(1);
  await gateway.quiet();
});
