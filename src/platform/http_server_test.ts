import { expect } from "expect";
import { eventually } from "../testing/eventually.ts";
import { Wire } from "../testing/wire.ts";
import { systemListen } from "./http_server.ts";

Deno.test("systemListen() serves, tells of the peer and of the answer's end, and lets answers end", async () => {
  const ended = Promise.withResolvers<string>();
  const stream = new TransformStream<Uint8Array, Uint8Array>();
  const server = systemListen({ hostname: "127.0.0.1", port: 0 }, (_request, info) => {
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
  const server = systemListen({ hostname: "127.0.0.1", port: 0 }, () => {
    throw new Error("secret");
  });
  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  expect([response.status, await response.text()]).toEqual([500, ""]);
  await server.shutdown();
});

// The handler was asked, and its `new URL(request.url)` threw: a 500, and a request counted for ever.
Deno.test("systemListen() answers 400 to a Host that is none, and asks nobody", async () => {
  let asked = 0;
  const server = systemListen({ hostname: "127.0.0.1", port: 0 }, () => {
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
  const server = systemListen({ hostname: "127.0.0.1", port: 0 }, () => new Response());
  expect(() => systemListen(server, () => new Response())).toThrow();
  await server.shutdown();
});

// When this fails, Deno has mended it: take the limit out of README.md and tests/clients.
Deno.test("systemListen() does not see a client of a larger request leave before its answer (Deno 2.9)", async () => {
  const arrived: number[] = [];
  const left: number[] = [];
  const over = Promise.withResolvers<void>();
  const server = systemListen({ hostname: "127.0.0.1", port: 0 }, async (request) => {
    const size = (await request.bytes()).length;
    request.signal.addEventListener("abort", () => left.push(size));
    arrived.push(size);
    await over.promise;
    return new Response();
  });
  const clients = await Promise.all([30_000, 100].map(async (size) => {
    const wire = await Wire.open(server.port);
    await wire.send({ target: "/", body: "x".repeat(size) });
    return wire;
  }));
  await eventually(() => arrived.length === 2);
  for (const client of clients) client[Symbol.dispose]();
  await eventually(() => left.length > 0);
  expect(left).toEqual([100]);
  over.resolve();
  await server.shutdown();
});
