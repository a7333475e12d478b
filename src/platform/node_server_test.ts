import { expect } from "expect";
import { exchange, Wire } from "../testing/wire.ts";
import { eventually } from "../testing/eventually.ts";
import { listenNode, type NodeAnswer, type NodeHandler, type Outcome } from "./node_server.ts";

const encoder = new TextEncoder();

function answer(body: NodeAnswer["body"]): NodeAnswer {
  return { status: 200, headers: [["server", "test"]], body };
}

async function* texts(...items: string[]) {
  for (const item of items) yield await Promise.resolve(encoder.encode(item));
}

async function listen(handler: NodeHandler, idleTimeoutMs = 5_000) {
  const server = await listenNode({ hostname: "127.0.0.1", port: 0, idleTimeoutMs }, handler);
  return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
}

Deno.test("listenNode() writes headers as given and one chunk an item", async () => {
  await using server = await listen(() => Promise.resolve(answer(texts("one", "two"))));
  const { status, headers, chunks, complete } = await exchange(server.port, { target: "/" });
  expect(status).toBe("HTTP/1.1 200 OK");
  expect(headers).toEqual([
    ["server", "test"],
    ["connection", "close"],
    ["transfer-encoding", "chunked"],
  ]);
  expect(chunks).toEqual(["one", "two"]);
  expect(complete).toBe(true);
});

Deno.test("listenNode() hands over target, headers and body untouched", async () => {
  const seen: unknown[] = [];
  await using server = await listen(async (request) => {
    const { method, target, headers } = request;
    seen.push(method, target, headers, new TextDecoder().decode(await request.body()));
    return answer(new Uint8Array());
  });
  await exchange(server.port, { target: "/a%2Fb?c", headers: ["X-A: 1", "x-a: 2"], body: "é" });
  expect(seen).toEqual([
    "POST",
    "/a%2Fb?c",
    [
      ["host", "engine:8000"],
      ["x-a", "1"],
      ["x-a", "2"],
      ["connection", "close"],
      ["content-length", "2"],
    ],
    "é",
  ]);
});

Deno.test("listenNode() keeps a connection for the next request and closes it when idle", async () => {
  await using server = await listen(
    () => Promise.resolve({ ...answer(encoder.encode("ok")), headers: [["content-length", "2"]] }),
    1_001,
  );
  using wire = await Wire.open(server.port);
  await wire.send({ target: "/" });
  await wire.until("ok");
  await wire.send({ target: "/" });
  await wire.until("ok");
  expect(await wire.rest()).toBe("");
});

Deno.test("listenNode() tells the handler when the client leaves, before and in the answer", async () => {
  const outcomes: Promise<Outcome>[] = [];
  const left: Promise<unknown>[] = [];
  await using server = await listen((request) => {
    outcomes.push(request.outcome);
    const aborted = Promise.withResolvers<void>();
    request.signal.addEventListener("abort", () => aborted.resolve());
    left.push(aborted.promise);
    if (request.target === "/silent") return new Promise(() => {});
    return Promise.resolve(answer((async function* () {
      yield encoder.encode("first");
      await aborted.promise;
    })()));
  });
  for (const target of ["/silent", "/stream"]) {
    const wire = await Wire.open(server.port);
    await wire.send({ target });
    if (target === "/stream") await wire.until("first");
    await eventually(() => outcomes.length === 1);
    wire[Symbol.dispose]();
    await left.pop();
    expect(await outcomes.pop()).toBe("left");
  }
});

Deno.test("listenNode() breaks the connection when the answer throws", async () => {
  let outcome: Promise<Outcome> | undefined;
  await using server = await listen((request) => {
    outcome = request.outcome;
    return Promise.resolve(answer((async function* () {
      yield await Promise.resolve(encoder.encode("first"));
      throw new Error("broken");
    })()));
  });
  const { chunks, complete } = await exchange(server.port, { target: "/" });
  expect(chunks).toEqual(["first"]);
  expect(complete).toBe(false);
  expect(await outcome).toBe("cut");
});

Deno.test("refuse() lets running answers end and refuses connections", async () => {
  const go = Promise.withResolvers<void>();
  await using server = await listen(() =>
    Promise.resolve(answer((async function* () {
      yield encoder.encode("first");
      await go.promise;
      yield encoder.encode("last");
    })()))
  );
  using wire = await Wire.open(server.port);
  await wire.send({ target: "/" }, ["Connection: close"]);
  await wire.until("first");
  server.refuse();
  await expect(Wire.open(server.port)).rejects.toThrow();
  go.resolve();
  expect(await wire.rest()).toMatch(/last\r\n0\r\n\r\n$/);
});

Deno.test("close() breaks what runs and frees the port", async () => {
  const server = await listen(() =>
    Promise.resolve(answer((async function* () {
      yield encoder.encode("first");
      await new Promise(() => {});
    })()))
  );
  using wire = await Wire.open(server.port);
  await wire.send({ target: "/" });
  await wire.until("first");
  await server.close();
  expect(await wire.rest()).not.toContain("0\r\n\r\n");
  const { port } = server;
  const again = await listenNode(
    { hostname: "127.0.0.1", port, idleTimeoutMs: 5_000 },
    () => Promise.resolve(answer(texts())),
  );
  await again.close();
});

Deno.test("listenNode() rejects when the port is taken", async () => {
  await using server = await listen(() => Promise.resolve(answer(texts())));
  const taken = { hostname: "127.0.0.1", port: server.port, idleTimeoutMs: 5_000 };
  await expect(listenNode(taken, () => Promise.resolve(answer(texts())))).rejects.toThrow(
    /in use|EADDRINUSE/,
  );
});

// The write under way was never called back: the request ran for ever, and its model never slept.
Deno.test("listenNode() ends an answer whose client stopped reading and left", async () => {
  let written = 0;
  let ended = false;
  async function* endless() {
    try {
      for (;; written++) yield await Promise.resolve(new Uint8Array(65_536));
    } finally {
      ended = true;
    }
  }
  await using server = await listen(() => Promise.resolve(answer(endless())));
  const wire = await Wire.open(server.port);
  await wire.send({ target: "/" });
  let before = -1;
  await eventually(() => {
    const stands = written > 0 && written === before;
    before = written;
    return stands;
  });
  wire[Symbol.dispose]();
  await eventually(() => ended);
});
