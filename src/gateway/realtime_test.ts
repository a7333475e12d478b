/** `/v1/realtime` on real sockets: warm, cold, refused, cut, quiet. */
import { expect } from "expect";
import { ModelUnavailable } from "../activator/errors.ts";
import { eventually } from "../testing/eventually.ts";
import { GatewayServer, type GatewayServerOptions } from "../testing/gateway_server.ts";
import { modelSpec } from "../testing/requests.ts";
import { closeCodeOf, closeReason } from "./realtime.ts";

/** An engine that says what it was asked with, and sends back each frame; `cut` breaks its connection. */
class Engine implements AsyncDisposable {
  readonly asked: { readonly target: string; readonly headers: Headers }[] = [];
  readonly closes: [code: number, reason: string][] = [];
  readonly #breaking = new AbortController();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, signal: this.#breaking.signal, onListen() {} },
    (request) => {
      const { pathname, search } = new URL(request.url);
      this.asked.push({ target: pathname + search, headers: new Headers(request.headers) });
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => {
        if (data === "end") socket.close(4001, "enough");
        else socket.send(data);
      };
      socket.onclose = ({ code, reason }) => void this.closes.push([code, reason]);
      return response;
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#breaking.abort();
    await this.#server.finished;
  }
}

/** A client, and what it hears. */
class Client implements Disposable {
  readonly heard: (string | number)[] = [];
  closed: [code: number, reason: string] | undefined;
  readonly socket: WebSocket;

  constructor(gateway: GatewayServer, search = "?model=m", protocols: string[] = [], headers = {}) {
    const url = `${gateway.url.replace("http", "ws")}/v1/realtime${search}`;
    this.socket = new WebSocket(url, { protocols, headers });
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      this.heard.push(typeof data === "string" ? data : data.byteLength);
    };
    this.socket.onclose = ({ code, reason }) => this.closed = [code, reason];
  }

  async send(...frames: (string | ArrayBuffer)[]): Promise<void> {
    await eventually(() => this.socket.readyState !== WebSocket.CONNECTING);
    for (const frame of frames) this.socket.send(frame);
  }

  async end(): Promise<[code: number, reason: string]> {
    await eventually(() => this.closed !== undefined);
    return this.closed!;
  }

  [Symbol.dispose](): void {
    if (this.socket.readyState < WebSocket.CLOSING) this.socket.close();
  }
}

function start(engine: Engine | undefined, options: GatewayServerOptions = {}): GatewayServer {
  return new GatewayServer({ ...options, endpoints: engine ? [engine.url] : [] });
}

Deno.test("frames pass both ways as they are, and the close code with its reason", async () => {
  await using engine = new Engine();
  await using gateway = start(engine, { server: { bodyMax: 2 ** 24 } });
  using client = new Client(gateway);
  await client.send("one", new Uint8Array(3_000_000).buffer, "zwei ü");
  await eventually(() => client.heard.length === 3);
  expect(client.heard).toEqual(["one", 3_000_000, "zwei ü"]);
  expect(gateway.admission().inFlight).toBe(1);
  await client.send("end");
  expect(await client.end()).toEqual([4001, "enough"]);
  expect(engine.asked[0]!.target).toBe("/v1/realtime?model=m");
  await gateway.quiet();
  expect(gateway.records).toMatchObject([{ model: "m", status: 101, code: undefined }]);
});

Deno.test("the client's close reaches the engine, and frees its place", async () => {
  await using engine = new Engine();
  await using gateway = start(engine);
  using client = new Client(gateway);
  await client.send("hello");
  await eventually(() => client.heard.length === 1);
  client.socket.close(3007, "done");
  await eventually(() => engine.closes.length === 1);
  expect(engine.closes).toEqual([[3007, "done"]]);
  await gateway.quiet();
});

Deno.test("frames wait in order while the model starts", async () => {
  await using engine = new Engine();
  await using gateway = start(undefined);
  using client = new Client(gateway);
  await client.send("a", "b", new ArrayBuffer(10));
  await eventually(() => gateway.admission().pending === 1 && gateway.gateway.heldBytes > 10);
  gateway.admission().open([engine.url]);
  await client.send("c");
  await eventually(() => client.heard.length === 4);
  expect(client.heard).toEqual(["a", "b", 10, "c"]);
  expect(gateway.gateway.heldBytes).toBe(0);
});

Deno.test("a client that leaves while it waits is never sent upstream", async () => {
  await using engine = new Engine();
  await using gateway = start(undefined);
  using client = new Client(gateway);
  await client.send("a");
  await eventually(() => gateway.admission().pending === 1);
  client.socket.close();
  await gateway.quiet();
  gateway.admission().open([engine.url]);
  expect(engine.asked).toEqual([]);
});

Deno.test("a wake that fails closes with 1013 and says why", async () => {
  await using gateway = start(undefined);
  using client = new Client(gateway);
  await eventually(() => gateway.admission().pending === 1);
  gateway.admission().fail(
    new ModelUnavailable("m", { kind: "image", message: "ErrImagePull: ü" + "x".repeat(200) }, 1),
  );
  const [code, reason] = await client.end();
  expect(code).toBe(1013);
  expect(reason).toMatch(/ErrImagePull: ü.*…$/);
  await gateway.quiet();
  expect(gateway.records).toMatchObject([{ code: "model_unavailable" }]);
});

const REFUSED: [
  what: string,
  options: GatewayServerOptions,
  search: string,
  headers: object,
  code: number,
][] = [
  ["a model that is not there", {}, "?model=other", {}, 1008],
  ["no key", { server: { keys: [key()] } }, "?model=m", {}, 1008],
  ["a wrong key", { server: { keys: [key()] } }, "?model=m", { authorization: "Bearer x" }, 1008],
  [
    "a key for another model",
    { server: { keys: [{ ...key(), models: ["n"] }] } },
    "?model=m",
    { authorization: "Bearer secret" },
    1008,
  ],
  ["a model that sleeps and may not be woken", {}, "?model=m", { "x-cold-start": "never" }, 1013],
];

function key() {
  return { name: "k", key: "secret", operator: false, inFlightMax: 0 };
}

for (const [what, options, search, headers, code] of REFUSED) {
  Deno.test(`${what}: opened, then closed with ${code}`, async () => {
    await using gateway = start(undefined, {
      models: [modelSpec("m"), modelSpec("n")],
      ...options,
    });
    using client = new Client(gateway, search, [], headers);
    expect((await client.end())[0]).toBe(code);
    await gateway.quiet();
    expect(gateway.admission("m").pending).toBe(0);
  });
}

Deno.test("a draining gateway closes with 1013", async () => {
  await using gateway = start(undefined);
  gateway.gateway.refuse();
  using client = new Client(gateway);
  expect((await client.end())[0]).toBe(1013);
});

Deno.test("a browser's key comes as a protocol, is taken, and goes no further", async () => {
  await using engine = new Engine();
  await using gateway = start(engine, { server: { keys: [key()] } });
  using client = new Client(gateway, "?model=m", ["realtime", "openai-insecure-api-key.secret"]);
  await client.send("hi");
  await eventually(() => client.heard.length === 1);
  expect(client.socket.protocol).toBe("realtime");
  expect(engine.asked[0]!.headers.get("sec-websocket-protocol")).toBe("realtime");
  expect(engine.asked[0]!.headers.get("authorization")).toBe(null);
});

Deno.test("without ?model= the first session.update names the model, renamed in just that place", async () => {
  await using engine = new Engine();
  const models = [modelSpec("m", { upstreamModel: "org/M" }), modelSpec("n")];
  await using gateway = start(engine, { models });
  using client = new Client(gateway, "");
  await client.send('{"type":"session.update", "model" : "m","big":12345678901234567890}', "next");
  await eventually(() => client.heard.length === 2);
  expect(client.heard).toEqual([
    '{"type":"session.update", "model" : "org/M","big":12345678901234567890}',
    "next",
  ]);
});

Deno.test("a first frame that names no model, or is none, closes with 1008 and says what to do", async () => {
  for (const frame of ['{"type":"response.create"}', "hello", new ArrayBuffer(2)]) {
    await using gateway = start(undefined, { models: [modelSpec("m"), modelSpec("n")] });
    using client = new Client(gateway, "");
    await client.send(frame);
    expect((await client.end())[0]).toBe(1008);
    await gateway.quiet();
  }
});

Deno.test("an engine that dies closes with 1011", async () => {
  const engine = new Engine();
  await using gateway = start(engine);
  using client = new Client(gateway);
  await client.send("a");
  await eventually(() => client.heard.length === 1);
  await engine[Symbol.asyncDispose]();
  expect((await client.end())[0]).toBe(1011);
  await gateway.quiet();
});

Deno.test("an engine without WebSockets closes with 1011; one that is gone is waited for again", async () => {
  await using plain = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(null, { status: 404 }),
  );
  await using gateway = new GatewayServer({ endpoints: [`http://127.0.0.1:${plain.addr.port}`] });
  using client = new Client(gateway);
  expect((await client.end())[0]).toBe(1011);
  await using engine = new Engine();
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = gone.addr;
  gone.close();
  await using other = new GatewayServer({ endpoints: [`http://127.0.0.1:${port}`] });
  using waits = new Client(other);
  await waits.send("a");
  await eventually(() => other.admission().pending === 1);
  expect(other.admission().refused).toEqual([`http://127.0.0.1:${port}`]);
  other.admission().open([engine.url]);
  await eventually(() => waits.heard.length === 1);
});

Deno.test("after an idle timeout without a frame both are closed, so that the model may sleep", async () => {
  await using engine = new Engine();
  await using gateway = start(engine, { models: [modelSpec("m", { idleTimeoutMs: 100 })] });
  using client = new Client(gateway);
  await client.send("a");
  const [code, reason] = await client.end();
  expect([code, reason]).toEqual([1001, "No frame for 0.1 s (idleTimeout)"]);
  expect(client.heard).toEqual(["a"]);
  await eventually(() => engine.closes.length === 1);
  await gateway.quiet();
});

Deno.test("frames that wait are bounded by bufferedMax", async () => {
  await using gateway = start(undefined, { server: { bufferedMax: 100_000 } });
  using client = new Client(gateway);
  await client.send(new ArrayBuffer(60_000), new ArrayBuffer(60_000));
  expect((await client.end())[0]).toBe(1013);
  await gateway.quiet();
});

Deno.test("who does not read is let go, before frames fill the memory", async () => {
  await using engine = new Engine();
  await using gateway = start(engine, { server: { bodyMax: 2 ** 20 } });
  using client = new Client(gateway);
  await client.send(...Array.from({ length: 64 }, () => new ArrayBuffer(2 ** 20)));
  // It may still be sending, and then hears no code.
  expect([0, 1006, 1013]).toContain((await client.end())[0]);
  await gateway.quiet();
});

Deno.test("closeReason() fits into a close frame, whole letters only", () => {
  expect(closeReason("short")).toBe("short");
  for (const letter of ["x", "ü", "語", "😀"]) {
    const text = closeReason(letter.repeat(200));
    expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(123);
    expect(text).toMatch(new RegExp(`^(${letter})+…$`, "u"));
  }
});

Deno.test("closeCodeOf() tells what may be tried again from what may not", () => {
  expect(closeCodeOf({ status: 503, code: "cold_start_timeout" })).toBe(1013);
  expect(closeCodeOf({ status: 429, code: "rate_limit_exceeded" })).toBe(1013);
  expect(closeCodeOf({ status: 404, code: "model_not_found" })).toBe(1008);
  expect(closeCodeOf({ status: 413, code: "request_too_large" })).toBe(1009);
  expect(closeCodeOf({ status: 502, code: "upstream_unreachable" })).toBe(1011);
  expect(closeCodeOf({ status: 500, code: "internal_error" })).toBe(1011);
});
