import { expect } from "expect";
import { eventually } from "../testing/eventually.ts";
import { RawClient } from "../testing/raw_client.ts";
import { textOf } from "./http_body.ts";
import { SwitchingProtocols } from "./http_messages.ts";
import { systemListen } from "./http_server.ts";

Deno.test("systemListen() serves, tells of the peer and of the answer's end, and lets answers end", async () => {
  const ended = Promise.withResolvers<string>();
  const stream = new TransformStream<Uint8Array, Uint8Array>();
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, (_request, info) => {
    void info.completed.then(() => ended.resolve(info.remoteAddr));
    return new Response(stream.readable);
  });
  const response = await fetch(`http://${server.hostname}:${server.port}/`);
  const stopped = server.shutdown();
  const writer = stream.writable.getWriter();
  await writer.write(new TextEncoder().encode("to the end"));
  await writer.close();
  expect(await response.text()).toBe("to the end");
  expect(await ended.promise).toBe("127.0.0.1");
  await stopped;
});

Deno.test("systemListen() answers 500 without a word when its handler throws", async () => {
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, () => {
    throw new Error("secret");
  });
  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  expect([response.status, await response.text()]).toEqual([500, ""]);
  await server.shutdown();
});

// The handler was asked, and its `new URL(request.url)` threw: a 500, and a request counted for ever.
Deno.test("systemListen() answers 400 to a Host that is none, and asks nobody", async () => {
  let asked = 0;
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, () => {
    asked++;
    return new Response();
  });
  for (const host of ["[", "a b", "a:99999", "%zz"]) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await conn.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
    const buffer = new Uint8Array(12);
    await conn.read(buffer);
    expect([host, new TextDecoder().decode(buffer)]).toEqual([host, "HTTP/1.1 400"]);
  }
  expect(asked).toBe(0);
  await server.shutdown();
});

Deno.test("systemListen() throws where somebody else listens", async () => {
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, () => new Response());
  await expect(systemListen(server, () => new Response())).rejects.toThrow();
  await server.shutdown();
});

Deno.test("systemListen() lets WebSockets go on when it shuts down, and ends them when it is destroyed", async () => {
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, async (_, info) => {
    const socket = await info.upgrade({ headers: [["x-request-id", "r"]], messageMax: 1_000 });
    socket.onmessage = ({ data }) => socket.send(`${data}, too`);
    return new SwitchingProtocols();
  });
  const client = new WebSocket(`ws://127.0.0.1:${server.port}/`);
  const code = Promise.withResolvers<number>();
  const heard = Promise.withResolvers<string>();
  client.onclose = (event) => code.resolve(event.code);
  client.onmessage = ({ data }) => heard.resolve(data);
  await new Promise((resolve) => client.onopen = resolve);
  const stopped = server.shutdown();
  client.send("I go on");
  expect(await heard.promise).toBe("I go on, too");
  await server.destroy();
  await stopped;
  expect(await code.promise).toBe(1001);
});

// Node takes a connection that has not had an answer for busy, and forgets one that it took for a tunnel's.
Deno.test("systemListen() shuts down in spite of who says nothing or does not hang up, and breaks nobody else", async () => {
  const answer = new TransformStream<Uint8Array, Uint8Array>();
  const asked: string[] = [];
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, async ({ url }, info) => {
    asked.push(new URL(url).pathname);
    if (url.endsWith("/stream")) return new Response(answer.readable);
    if (!url.endsWith("/socket")) return new Response("hi");
    const socket = await info.upgrade({ headers: [], messageMax: 1_000 });
    socket.onmessage = ({ data }) => socket.send(`${data}, too`);
    return new SwitchingProtocols();
  });
  const handshake = "Host: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  const quiet = await Promise.all(
    [
      ["", ""],
      ["GET / HTTP/1.1\r\nHost", ""],
      ["nonsense\r\n\r\n", "400"],
      ["CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "hi"],
      [`GET / HTTP/1.1\r\n${handshake}`, "hi"],
    ].map(async ([sent, want]) => {
      const client = await RawClient.connect(server.port);
      await client.write(sent!);
      await eventually(() => client.received.includes(want!));
      return client;
    }),
  );
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/socket`);
  const heard = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  socket.onmessage = ({ data }) => heard.resolve(data);
  socket.onclose = () => closed.resolve();
  await new Promise((resolve) => socket.onopen = resolve);
  using busy = await RawClient.connect(server.port);
  const next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
  await busy.write(`GET /stream HTTP/1.1\r\nHost: a\r\n\r\n${next}`);
  await eventually(() => busy.received.includes("\r\n\r\n"));
  using late = await RawClient.connect(server.port);
  await late.write("GET / HTTP/1.1\r\n");
  await using _ = { [Symbol.asyncDispose]: () => server.destroy() };

  const stopped = server.shutdown();
  await late.write("Host: a\r\n\r\n");
  await late.ended;
  expect(late.received).toMatch(
    /^HTTP\/1\.1 200 .*\r\nconnection: close\r\n.*\r\nhi\r\n0\r\n\r\n$/s,
  );
  await Promise.all(quiet.map(({ ended }) => ended));
  for (const client of quiet) client[Symbol.dispose]();
  socket.send("I go on");
  expect(await heard.promise).toBe("I go on, too");
  await answer.writable.close();
  await busy.ended;
  expect(asked).toContain("/next");
  expect(busy.received).toMatch(
    /0\r\n\r\nHTTP\/1\.1 200 .*\r\nconnection: close\r\n.*\r\nhi\r\n0\r\n\r\n$/s,
  );
  socket.close();
  await Promise.all([stopped, closed.promise]);
});

// A client can hold its end open for ever: the process that waited for it never ended.
Deno.test("systemListen() can be destroyed in spite of who was refused a tunnel and does not hang up", async () => {
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, () => new Response("hi"));
  using client = await RawClient.connect(server.port);
  await client.write("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(() => client.received.includes("hi"));
  await server.destroy();
  await client.ended;
});

// A message was put together from its parts without end, for anybody who could open a socket.
Deno.test("a WebSocket closes with 1009 on a message longer than may be, in however many parts", async () => {
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, async (_, info) => {
    await info.upgrade({ headers: [], messageMax: 1_000 });
    return new SwitchingProtocols();
  });
  using client = await RawClient.connect(server.port);
  await client.write(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await eventually(() => client.received.includes("\r\n\r\n"));
  const part = new Uint8Array(6 + 100);
  for (let i = 0; i < 11; i++) {
    part.set([i === 0 ? 0x01 : 0x00, 0x80 | 100]);
    await client.write(part);
  }
  // A close frame of two bytes: 1009.
  await eventually(() => client.received.includes("\x88\x02"));
  await server.destroy();
});

Deno.test("a request that offers another protocol is answered in this one, with its body", async () => {
  const server = await systemListen(
    { hostname: "127.0.0.1", port: 0 },
    async ({ body }) => new Response(await textOf(body)),
  );
  using client = await RawClient.connect(server.port);
  // As Java's HttpClient and `curl --http2` do in clear text.
  await client.write(
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" +
      "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nContent-Length: 5\r\n\r\nhello",
  );
  await eventually(() => client.received.includes("hello"));
  expect(client.received).toMatch(/^HTTP\/1\.1 200 /);
  await server.shutdown();
});

/** Whether the server hears that a client left which sent a body of `length` bytes and got no answer yet. */
async function hearsOfLeaving(length: number, isChunked: boolean): Promise<boolean> {
  const left = Promise.withResolvers<boolean>();
  let isRead = false;
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, async (request) => {
    request.signal.addEventListener("abort", () => left.resolve(true));
    await textOf(request.body);
    isRead = true;
    await left.promise;
    return new Response();
  });
  const client = await RawClient.connect(server.port);
  const framing = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
  const body = "x".repeat(length);
  await client.write(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
  await client.write(isChunked ? `${length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body);
  await eventually(() => isRead);
  client[Symbol.dispose]();
  const heard = await left.promise;
  await server.shutdown();
  return heard;
}

// `Deno.serve` (2.8.3 to 2.9.6) tells of it only after requests of up to about 500 bytes: what their clients had given up
// was generated all the same, beside their next try.
for (const length of [0, 50, 2_000, 200_000, 20_000_000]) {
  for (const isChunked of length > 0 ? [false, true] : [false]) {
    const how = isChunked ? "in chunks" : "by length";
    Deno.test(`a client that leaves before its answer begins is noticed: ${length} bytes, ${how}`, async () => {
      expect(await hearsOfLeaving(length, isChunked)).toBe(true);
    });
  }
}
