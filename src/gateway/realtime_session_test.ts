/** Sessions on real sockets: warm, cold, cut, quiet. */
import { expect } from "expect";
import { ModelUnavailable } from "../activator/errors.ts";
import { eventually } from "../testing/eventually.ts";
import { GatewayServer } from "../testing/gateway_server.ts";
import { RawClient } from "../testing/raw_client.ts";
import { RealtimeClient, RealtimeEngine, startGateway } from "../testing/realtime_sockets.ts";
import { modelSpec } from "../testing/requests.ts";
import { createConnectWebSocket } from "../platform/web_socket.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";

Deno.test("frames pass both ways as they are, and the close code with its reason", async () => {
  await using engine = new RealtimeEngine();
  await using gateway = await startGateway(engine, { server: { bodyMax: 2 ** 24 } });
  using client = new RealtimeClient(gateway);
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

// Deno hands over a frame that came with the handshake before whoever awaits the handshake goes on.
Deno.test("what an engine says right behind its handshake is heard, and its close as well", async () => {
  await using engine = new RealtimeEngine();
  await using gateway = await startGateway(engine);
  for (let i = 0; i < 20; i++) {
    engine.atOnce = (socket) => {
      socket.send("first");
      if (i % 2) socket.close(4002, "at once");
    };
    using client = new RealtimeClient(gateway);
    await eventually(() => client.heard.length === 1);
    if (i % 2) expect(await client.end()).toEqual([4002, "at once"]);
  }
});

Deno.test("an end without a code is one without a fault", async () => {
  await using engine = new RealtimeEngine();
  await using gateway = await startGateway(engine);
  using client = new RealtimeClient(gateway);
  await client.send("just end");
  expect(await client.end()).toEqual([1000, ""]);
  await gateway.quiet();
});

Deno.test("the client's close reaches the engine, and frees its place", async () => {
  await using engine = new RealtimeEngine();
  await using gateway = await startGateway(engine);
  using client = new RealtimeClient(gateway);
  await client.send("hello");
  await eventually(() => client.heard.length === 1);
  client.socket.close(3007, "done");
  await eventually(() => engine.closes.length === 1);
  expect(engine.closes).toEqual([[3007, "done"]]);
  await gateway.quiet();
});

Deno.test("frames wait in order while the model starts", async () => {
  await using engine = new RealtimeEngine();
  await using gateway = await startGateway(undefined);
  using client = new RealtimeClient(gateway);
  await client.send("a", "b", new ArrayBuffer(10));
  await eventually(() => gateway.admission().pending === 1 && gateway.gateway.heldBytes > 10);
  gateway.admission().open([engine.url]);
  await client.send("c");
  await eventually(() => client.heard.length === 4);
  expect(client.heard).toEqual(["a", "b", 10, "c"]);
  expect(gateway.gateway.heldBytes).toBe(0);
});

Deno.test("a client that leaves while it waits is never sent upstream", async () => {
  await using engine = new RealtimeEngine();
  await using gateway = await startGateway(undefined);
  using client = new RealtimeClient(gateway);
  await client.send("a");
  await eventually(() => gateway.admission().pending === 1);
  client.socket.close();
  await gateway.quiet();
  gateway.admission().open([engine.url]);
  expect(engine.asked).toEqual([]);
});

// Its permit was held for ever, and its model never slept.
Deno.test("a client that leaves before it is told that it has a WebSocket leaves nothing behind", async () => {
  await using engine = new RealtimeEngine();
  for (const up of [undefined, engine]) {
    await using gateway = await startGateway(up);
    for (let i = 0; i < 5; i++) {
      using client = await RawClient.connect(gateway.port);
      await client.write(
        "GET /v1/realtime?model=m HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
          "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
    }
    await eventually(() => gateway.records.length === 5);
    await gateway.quiet();
    expect(gateway.records).toHaveLength(5);
  }
});

Deno.test("a client that leaves while its engine does not open the socket is let go at once", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using gateway = await GatewayServer.start({
    endpoints: [`http://127.0.0.1:${silent.addr.port}`],
  });
  using client = new RealtimeClient(gateway);
  using reached = await silent.accept();
  await eventually(() => client.socket.readyState === WebSocket.OPEN);
  client.socket.close();
  await gateway.quiet();
  const buffer = new Uint8Array(4_096);
  while (await reached.read(buffer) !== null);
});

Deno.test("an engine that does not open the socket in time closes with 1011", async () => {
  const clock = new VirtualClock();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using gateway = await GatewayServer.start({
    ...{ clock, endpoints: [`http://127.0.0.1:${silent.addr.port}`] },
    models: [modelSpec("m", { connectTimeoutMs: 5_000, responseTimeoutMs: 4_000 })],
  });
  using client = new RealtimeClient(gateway);
  using _reached = await silent.accept();
  await eventually(() => client.socket.readyState === WebSocket.OPEN);
  await clock.advance(4_000);
  expect(await client.end()).toEqual([1011, expect.stringMatching(/responseTimeout/)]);
  await gateway.quiet();
});

Deno.test("a wake that fails closes with 1013 and says why", async () => {
  await using gateway = await startGateway(undefined);
  using client = new RealtimeClient(gateway);
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

// vLLM's own client waits for `session.created` before it names its model: each waited for the other.
Deno.test("an engine that dies closes with 1011", async () => {
  const engine = new RealtimeEngine();
  await using gateway = await startGateway(engine);
  using client = new RealtimeClient(gateway);
  await client.send("a");
  await eventually(() => client.heard.length === 1);
  await engine[Symbol.asyncDispose]();
  expect((await client.end())[0]).toBe(1011);
  await gateway.quiet();
  expect(gateway.records).toMatchObject([{ status: 101, code: "upstream_unreachable" }]);
});

Deno.test("an engine without WebSockets closes with 1011; one that is gone is waited for again", async () => {
  await using plain = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(null, { status: 404 }),
  );
  await using gateway = await GatewayServer.start({
    endpoints: [`http://127.0.0.1:${plain.addr.port}`],
  });
  using client = new RealtimeClient(gateway);
  expect((await client.end())[0]).toBe(1011);
  await using engine = new RealtimeEngine();
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = gone.addr;
  gone.close();
  await using other = await GatewayServer.start({ endpoints: [`http://127.0.0.1:${port}`] });
  using waits = new RealtimeClient(other);
  await waits.send("a");
  await eventually(() => other.admission().pending === 1);
  expect(other.admission().refused).toEqual([`http://127.0.0.1:${port}`]);
  other.admission().open([engine.url]);
  await eventually(() => waits.heard.length === 1);
});

Deno.test("after an idle timeout without a frame both are closed, so that the model may sleep", async () => {
  await using engine = new RealtimeEngine();
  await using gateway = await startGateway(engine, {
    models: [modelSpec("m", { idleTimeoutMs: 100 })],
  });
  using client = new RealtimeClient(gateway);
  await client.send("a");
  const [code, reason] = await client.end();
  expect([code, reason]).toEqual([1001, "No frame for 0.1 s (idleTimeout)"]);
  expect(client.heard).toEqual(["a"]);
  await eventually(() => engine.closes.length === 1);
  await gateway.quiet();
});

// It was closed the moment that its model was up.
Deno.test("a wait longer than the idle timeout is no quiet", async () => {
  const clock = new VirtualClock();
  await using engine = new RealtimeEngine();
  await using gateway = await startGateway(undefined, {
    ...{ clock, models: [modelSpec("m", { idleTimeoutMs: 60_000 })] },
  });
  using client = new RealtimeClient(gateway);
  engine.atOnce = (socket) => clock.timer(50_000, () => socket.send("a"));
  await eventually(() => gateway.admission().pending === 1);
  await clock.advance(300_000);
  gateway.admission().open([engine.url]);
  await eventually(() => clock.timers === 2);
  await clock.advance(50_000);
  await eventually(() => client.heard.length === 1);
  await clock.advance(59_999);
  expect([client.closed, gateway.admission().inFlight]).toEqual([undefined, 1]);
  await clock.advance(1);
  expect((await client.end())[0]).toBe(1001);
  await gateway.quiet();
});

Deno.test("frames that wait are bounded by bufferedMax", async () => {
  await using gateway = await startGateway(undefined, { server: { bufferedMax: 100_000 } });
  using client = new RealtimeClient(gateway);
  await client.send(new ArrayBuffer(60_000), new ArrayBuffer(60_000));
  expect((await client.end())[0]).toBe(1013);
  await gateway.quiet();
});

Deno.test("an engine that says more than its client reads has to wait, and nothing is lost", async () => {
  const count = 96;
  await using engine = new RealtimeEngine();
  let speaking: WebSocket | undefined;
  engine.atOnce = (socket) => {
    speaking = socket;
    for (let i = 0; i < count; i++) socket.send(new Uint8Array(2 ** 20).fill(i));
  };
  await using gateway = await startGateway(engine, { server: { bodyMax: 2 ** 21 } });
  const url = new URL(`${gateway.url.replace("http", "ws")}/v1/realtime?model=m`);
  const client = await createConnectWebSocket()(url, { headers: [], messageMax: 2 ** 21 });
  const heard: number[] = [];
  client.onmessage = ({ data }) => void heard.push(new Uint8Array(data as ArrayBuffer)[0]!);
  client.onopen = () => client.pause();
  await eventually(() => speaking !== undefined);
  // Far fewer than all are on their way: in the sockets' own buffers, and here.
  let left = -1;
  await eventually(() => left === (left = speaking!.bufferedAmount));
  expect(left).toBeGreaterThan(count / 2 * 2 ** 20);
  client.resume();
  await eventually(() => heard.length === count);
  expect(heard).toEqual(Array.from({ length: count }, (_, i) => i));
  client.close();
  await gateway.quiet();
});
