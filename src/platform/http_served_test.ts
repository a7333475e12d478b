import { expect } from "expect";
import { eventually } from "../testing/eventually.ts";
import { RawClient } from "../testing/raw_client.ts";
import { bodyOf, textOf } from "./http_body.ts";
import { HeaderFields } from "./http_headers.ts";
import type { Handler } from "./http_messages.ts";
import { type HttpServer, systemListen } from "./http_server.ts";

/** A server of the test's own, and what a client says to it. */
async function serve(
  handler: Handler,
  limits?: { headMs: number; idleMs: number; lingerMs: number },
): Promise<HttpServer & AsyncDisposable & { say(text: string): Promise<RawClient> }> {
  const server = await systemListen({ hostname: "127.0.0.1", port: 0 }, handler, limits);
  return {
    ...{ hostname: server.hostname, port: server.port },
    shutdown: () => server.shutdown(),
    destroy: () => server.destroy(),
    async say(text) {
      const client = await RawClient.connect(server.port);
      await client.write(text);
      return client;
    },
    [Symbol.asyncDispose]: () => server.destroy(),
  };
}

const echo: Handler = async ({ body }) => {
  const text = await textOf(body);
  return new Response(text, { headers: { "content-length": String(text.length) } });
};

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Whole answers of so many bytes. */
function bodies({ received }: RawClient): string[] {
  return received.split(/HTTP\/1\.1 \d+ [\s\S]*?\r\n\r\n/).slice(1);
}

Deno.test("requests that come together are answered in their order", async () => {
  const asked: string[] = [];
  await using server = await serve(async (request) => {
    asked.push(new URL(request.url).pathname);
    return await echo(request, undefined as never);
  });
  const post = (path: string, body: string) =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const chunked = "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "3\r\ntwo\r\n0\r\n\r\n";
  using client = await server.say(`${post("/a", "one")}${chunked}\r\n${post("/c", "three")}${GET}`);
  await eventually(() => bodies(client).length === 4);
  expect([bodies(client), asked]).toEqual([["one", "two", "three", ""], ["/a", "/b", "/c", "/"]]);
});

Deno.test("a request is the same wherever it was cut", async () => {
  await using server = await serve(echo);
  const sent = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
    "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nT: u\r\n\r\n";
  using client = await RawClient.connect(server.port);
  for (let cut = 1; cut < sent.length; cut++) {
    await client.write(sent.slice(0, cut));
    await new Promise((resolve) => setTimeout(resolve));
    await client.write(sent.slice(cut));
    await eventually(() => bodies(client).length === cut && bodies(client)[cut - 1]!.length === 11);
  }
  expect(new Set(bodies(client))).toEqual(new Set(["hello world"]));
});

const REFUSED: Record<string, [sent: string, status: number]> = {
  "two lengths": [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    400,
  ],
  "a length and chunks": [
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
  "two hosts": ["GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400],
  "no host": ["GET / HTTP/1.1\r\n\r\n", 400],
  "a host with a path": ["GET /x HTTP/1.1\r\nHost: a/m?\r\n\r\n", 400],
  "a host with a fragment": ["GET /x HTTP/1.1\r\nHost: a#\r\n\r\n", 400],
  "a host with a user": ["GET /x HTTP/1.1\r\nHost: u@a\r\n\r\n", 400],
  "a URL without a host": ["GET http:///v1/models HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  "a URL with a user": ["GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  "another coding": [
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
  "another version": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  "a folded line": ["GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400],
  "a long head": [`GET / HTTP/1.1\r\nHost: a\r\nA: ${"x".repeat(70_000)}\r\n\r\n`, 431],
  "a head without an end": [`GET / HTTP/1.1\r\nHost: a\r\nA: ${"x".repeat(70_000)}`, 431],
};

for (const [what, [sent, status]] of Object.entries(REFUSED)) {
  Deno.test(`${what}: nobody is asked, and the client sees ${status}`, async () => {
    let asked = 0;
    await using server = await serve(() => {
      asked++;
      return new Response();
    });
    using client = await server.say(sent);
    await client.ended;
    expect(client.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*connection: close`, "s"));
    expect(asked).toBe(0);
  });
}

Deno.test("a client of HTTP/1.0 has a body that ends with its connection, one of HEAD has none", async () => {
  await using server = await serve(() => new Response(new Blob(["hello"]).stream()));
  using old = await server.say("GET / HTTP/1.0\r\n\r\n");
  await old.ended;
  expect(old.received).toMatch(/^HTTP\/1\.1 200 OK\r\n(?!.*chunked).*\r\n\r\nhello$/s);
  using head = await server.say(`HEAD / HTTP/1.1\r\nHost: a\r\n\r\n${GET}`);
  await eventually(() => head.received.endsWith("0\r\n\r\n"));
  expect(bodies(head)).toEqual(["", "5\r\nhello\r\n0\r\n\r\n"]);
});

Deno.test("a host is a name or an address, with or without a port; a whole URL's counts first", async () => {
  const seen: string[] = [];
  await using server = await serve(({ url, headers }) => {
    seen.push(`${url} ${headers.get("host")}`);
    return new Response(null, { status: 204 });
  });
  const hosts = ["a", "a:80", "[::1]:8080", "a_b.c", "1.2.3.4"];
  using client = await server.say(
    hosts.map((host) => `GET /x HTTP/1.1\r\nHost: ${host}\r\n\r\n`).join("") +
      "GET http://bar:81/y HTTP/1.1\r\nHost: foo\r\n\r\n",
  );
  await eventually(() => seen.length === 6);
  expect(seen).toEqual([
    ...hosts.map((host) => `http://${host}/x ${host}`),
    "http://bar:81/y bar:81",
  ]);
  expect(client.received).not.toContain("400");
});

Deno.test("an empty line before a request may come in two parts", async () => {
  await using server = await serve(echo);
  using client = await server.say(`${GET}`);
  await eventually(() => client.received.includes("content-length: 0\r\n"));
  for (const part of ["\r", `\n${GET}`]) {
    await client.write(part);
    await new Promise((resolve) => setTimeout(resolve));
  }
  await eventually(() => client.received.split("HTTP/1.1 200").length === 3);
});

Deno.test("an answer does not say a length that it must not have, nor one that nobody knows", async () => {
  await using server = await serve(({ method }) => ({
    status: method === "HEAD" ? 200 : 204,
    headers: new HeaderFields(method === "HEAD" ? [] : [["content-length", "5"]]),
    body: null,
  }));
  using client = await server.say(`${GET}HEAD / HTTP/1.1\r\nHost: a\r\n\r\n`);
  await eventually(() => bodies(client).length === 2);
  expect(client.received).not.toContain("content-length");
});

Deno.test("who expects to be told to go on is told so", async () => {
  await using server = await serve(echo);
  using client = await server.say(
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
  );
  await eventually(() => client.received === "HTTP/1.1 100 Continue\r\n\r\n");
  await client.write("hello");
  await eventually(() => client.received.endsWith("hello"));
});

Deno.test("what nobody read of a request is read behind its answer, and the next one answered", async () => {
  let asked = 0;
  await using server = await serve(({ body }) => {
    asked++;
    if (asked === 2 && body) bodyOf(body).cancel();
    return new Response(null, { status: 413 });
  });
  const body = "x".repeat(1_000_000);
  const sent = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  using client = await server.say(sent.repeat(3));
  await eventually(() => bodies(client).length === 3);
  expect(asked).toBe(3);
});

Deno.test("an answer that is not as long as it says breaks its connection", async () => {
  for (const body of ["shor", "longer"]) {
    await using server = await serve(() => ({
      status: 200,
      headers: new HeaderFields([["content-length", "5"]]),
      body: new Blob([body]).stream(),
    }));
    using client = await server.say(GET + GET);
    await client.ended;
    expect(bodies(client).length).toBeLessThan(2);
  }
});

Deno.test("a client that leaves ends the body of its answer", async () => {
  const left = Promise.withResolvers<void>();
  await using server = await serve(() =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(5)),
        cancel: () => left.resolve(),
      }),
    )
  );
  const client = await server.say(GET);
  await eventually(() => client.received.includes("5\r\n"));
  client[Symbol.dispose]();
  await left.promise;
});

Deno.test("a client that does not read is waited for, and nothing more is read for it", async () => {
  let made = 0;
  await using server = await serve(() =>
    new Response(
      new ReadableStream({
        pull(controller) {
          made++;
          controller.enqueue(new Uint8Array(2 ** 16));
          if (made === 1_000) controller.close();
        },
      }, { highWaterMark: 0 }),
    )
  );
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(new TextEncoder().encode(GET));
  let before = -1;
  await eventually(() => before > 0 && before === (before = made) || (before = made) < 0);
  expect(made).toBeLessThan(500);
  let size = 0;
  const buffer = new Uint8Array(2 ** 16);
  while (size < 1_000 * 2 ** 16) size += await conn.read(buffer) ?? Infinity;
  conn.close();
  expect(made).toBe(1_000);
});

Deno.test("who is too slow with a head, or with the next request, is hung up on", async () => {
  await using server = await serve(echo, { headMs: 200, idleMs: 200, lingerMs: 200 });
  using silent = await RawClient.connect(server.port);
  using slow = await server.say("GET / HTTP/1.1\r\nHo");
  using idle = await server.say(GET);
  await Promise.all([silent.ended, slow.ended, idle.ended]);
  expect(silent.received).toBe("");
  expect(slow.received).toMatch(/^HTTP\/1\.1 408 /);
  expect(idle.received).toMatch(/^HTTP\/1\.1 200 /);
});
