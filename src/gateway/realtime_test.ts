/** `/v1/realtime` on real sockets: who gets one, and to which model. */
import { expect } from "expect";
import { eventually } from "../testing/eventually.ts";
import type { GatewayServerOptions } from "../testing/gateway_server.ts";
import { RealtimeClient, RealtimeEngine, startGateway } from "../testing/realtime_sockets.ts";
import { modelSpec } from "../testing/requests.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";

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
    await using gateway = await startGateway(undefined, {
      models: [modelSpec("m"), modelSpec("n")],
      ...options,
    });
    using client = new RealtimeClient(gateway, search, [], headers);
    expect((await client.end())[0]).toBe(code);
    await gateway.quiet();
    expect(gateway.admission("m").pending).toBe(0);
  });
}

Deno.test("a draining gateway closes with 1013", async () => {
  await using gateway = await startGateway(undefined);
  gateway.gateway.refuse();
  using client = new RealtimeClient(gateway);
  expect((await client.end())[0]).toBe(1013);
});

Deno.test("a browser's key comes as a protocol, is taken, and goes no further", async () => {
  await using engine = new RealtimeEngine();
  await using gateway = await startGateway(engine, { server: { keys: [key()] } });
  using client = new RealtimeClient(gateway, "?model=m", [
    "realtime",
    "openai-insecure-api-key.secret",
  ]);
  await client.send("hi");
  await eventually(() => client.heard.length === 1);
  expect(client.socket.protocol).toBe("realtime");
  expect(engine.asked[0]!.headers.get("sec-websocket-protocol")).toBe(null);
  expect(engine.asked[0]!.headers.get("authorization")).toBe(null);
});

Deno.test("a browser's key that is the engine's own goes there as a header", async () => {
  await using engine = new RealtimeEngine();
  await using gateway = await startGateway(engine);
  using client = new RealtimeClient(gateway, "?model=m", [
    "realtime",
    "openai-insecure-api-key.secret",
  ]);
  await client.send("hi");
  await eventually(() => client.heard.length === 1);
  expect(engine.asked[0]!.headers.get("authorization")).toBe("Bearer secret");
});

Deno.test("without ?model= the first session.update names the model, renamed in just that place", async () => {
  await using engine = new RealtimeEngine();
  const models = [modelSpec("m", { upstreamModel: "org/M" }), modelSpec("n")];
  await using gateway = await startGateway(engine, { models });
  using client = new RealtimeClient(gateway, "");
  await client.send('{"type":"session.update", "model" : "m","big":12345678901234567890}', "next");
  await eventually(() => client.heard.length === 3);
  expect(client.heard.slice(1)).toEqual([
    '{"type":"session.update", "model" : "org/M","big":12345678901234567890}',
    "next",
  ]);
});

Deno.test("a first frame that names no model, or is none, closes with 1008 and says what to do", async () => {
  const frames = [
    '{"type":"response.create"}',
    '{"type":"session.update","model":"none"}',
    '{"type":"session.update","model":"m","more":tru}',
    "hello",
    new ArrayBuffer(2),
  ];
  for (const frame of frames) {
    await using gateway = await startGateway(undefined, {
      models: [modelSpec("m"), modelSpec("n")],
    });
    using client = new RealtimeClient(gateway, "");
    await client.send(frame);
    expect((await client.end())[0]).toBe(1008);
    expect(gateway.admission().asked).toEqual([]);
    await gateway.quiet();
  }
});

Deno.test("without ?model= the gateway greets, and its engine's greeting is not heard again", async () => {
  await using engine = new RealtimeEngine();
  engine.atOnce = (socket) => socket.send('{"type":"session.created","id":"own"}');
  await using gateway = await startGateway(engine, { models: [modelSpec("m"), modelSpec("n")] });
  using client = new RealtimeClient(gateway, "");
  await eventually(() => client.heard.length === 1);
  expect(JSON.parse(client.heard[0] as string)).toEqual({
    type: "session.created",
    id: expect.stringMatching(/^sess-/),
    created: expect.any(Number),
  });
  expect(gateway.admission().asked).toEqual([]);
  const update = '{"type":"session.update","model":"m"}';
  await client.send(update);
  await eventually(() => client.heard.length === 2);
  expect(client.heard[1]).toBe(update);
  using named = new RealtimeClient(gateway);
  await eventually(() => named.heard.length === 1);
  expect(named.heard).toEqual(['{"type":"session.created","id":"own"}']);
});

Deno.test("a session that names no model in time is closed with 1008", async () => {
  const clock = new VirtualClock();
  await using gateway = await startGateway(undefined, {
    clock,
    models: [modelSpec("m"), modelSpec("n")],
  });
  using client = new RealtimeClient(gateway, "");
  await eventually(() => client.heard.length === 1);
  await clock.advance(30_000);
  expect((await client.end())[0]).toBe(1008);
  await gateway.quiet();
  expect(clock.timers).toBe(0);
});

Deno.test("an alias in ?model= and in the first frame becomes the name that the engine knows", async () => {
  await using engine = new RealtimeEngine();
  const models = [modelSpec("m", { aliases: ["gpt"], upstreamModel: "org/M" }), modelSpec("n")];
  await using gateway = await startGateway(engine, { models });
  using client = new RealtimeClient(gateway, "?intent=a%20b&model=gpt&x=%2f");
  await client.send('{"model":"gpt"}', '{"model":"gpt"}');
  await eventually(() => client.heard.length === 2);
  expect(client.heard).toEqual(['{"model":"org/M"}', '{"model":"gpt"}']);
  expect(engine.asked[0]!.target).toBe("/v1/realtime?intent=a%20b&model=org%2FM&x=%2f");
});
