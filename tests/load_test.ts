/** Many at once, through a real gateway process: complete, in order, bounded in memory, and in nobody's way. */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { engineModel, GatewayProcess } from "../src/testing/gateway_process.ts";
import { GatewayServer, post, Upstream } from "../src/testing/gateway_server.ts";
import { RawClient } from "../src/testing/raw_client.ts";
import { modelSpec } from "../src/testing/requests.ts";
import { residentMiB } from "../tools/bench/processor_time.ts";

function external(name: string, { url }: Upstream, settings = ""): string {
  return `  ${name}: { external: true, upstream: "${url}"${settings && `, ${settings}`} }\n`;
}

/** The events of one stream, each in a turn of its own. */
function numbered(user: string, count: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve));
      const text = sent < count ? `data: ${user}-${sent++}\n\n` : "data: [DONE]\n\n";
      controller.enqueue(new TextEncoder().encode(text));
      if (text.includes("[DONE]")) controller.close();
    },
  }, { highWaterMark: 0 });
}

Deno.test("500 streams at once are each complete and in order", async () => {
  const STREAMS = 500, EVENTS = 40;
  await using upstream = new Upstream(async (request) => {
    const { user } = await request.json();
    return new Response(numbered(user, EVENTS), {
      headers: { "content-type": "text/event-stream" },
    });
  });
  await using gateway = await GatewayProcess.start(external("m", upstream, "inFlightMax: 1000"));
  const wrong: string[] = [];
  await Promise.all(Array.from({ length: STREAMS }, async (_, i) => {
    const user = `u${i}`;
    const response = await gateway.chat("m", { stream: true, user });
    const events = Array.from({ length: EVENTS }, (_, at) => `data: ${user}-${at}\n\n`);
    const text = await response.text();
    if (text !== `${events.join("")}data: [DONE]\n\n`) wrong.push(`${response.status}: ${text}`);
  }));
  expect(wrong).toEqual([]);
});

Deno.test("one model whose every place is taken delays no other", async () => {
  const WAITING = 300;
  const hung = Promise.withResolvers<void>();
  await using slow = new Upstream(async () => {
    await hung.promise;
    return Response.json({});
  });
  await using quick = new Upstream(() => Response.json({}));
  await using gateway = await GatewayProcess.start(
    external("slow", slow, "inFlightMax: 1, pendingMax: 1000") + external("quick", quick),
  );
  let answered = 0;
  const waiting = Array.from({ length: WAITING }, async () => {
    const response = await gateway.chat("slow");
    await response.text();
    answered++;
    return response.status;
  });
  await eventually(() => slow.requests === 1);
  for (let round = 0; round < 200; round++) {
    const response = await gateway.chat("quick");
    await response.text();
    expect(response.status).toBe(200);
  }
  expect([answered, slow.requests]).toEqual([0, 1]);
  hung.resolve();
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([200]));
});

const CLIENTS = 10_000;

/** One each, and a few more: Deno itself asks for all that it may have. */
const [, , filesMax] = /^Max open files +(\d+) +(\d+)/m.exec(
  Deno.readTextFileSync("/proc/self/limits"),
) ?? [];
const hasFiles = Number(filesMax) >= CLIENTS + 500;
if (!hasFiles) {
  console.warn(
    `skipped: ${CLIENTS} clients need more than the ${filesMax} open files allowed here`,
  );
}

Deno.test({
  name: "10,000 requests for a model that starts: as many are held as fit, the others told at once",
  ignore: !hasFiles,
  fn: holdsWhatFits,
});

async function holdsWhatFits(): Promise<void> {
  const BODY = 2_048, FIT = 6_000;
  await using gateway = await GatewayProcess.start(
    engineModel("m", "--cold-start 1h", "pendingMax: 100000"),
    { server: `bufferedMax: ${FIT * BODY / 1024}KiB\nbodyMax: 1MiB` },
  );
  const port = Number(new URL(gateway.url).port);
  const beforeMiB = residentMiB(gateway.pid);
  const body = JSON.stringify({ model: "m", messages: [], user: "" });
  const padded = body.replace('"user":""', `"user":"${"x".repeat(BODY - body.length)}"`);
  const clients: RawClient[] = [];
  try {
    for (let i = 0; i < CLIENTS; i++) {
      const client = await RawClient.connect(port);
      clients.push(client);
      await client.post("/v1/chat/completions", padded);
    }
    const refused = () => clients.filter(({ received }) => received !== "");
    await eventually(() => refused().length >= CLIENTS - FIT, 60_000);
    expect(refused().length).toBe(CLIENTS - FIT);
    for (const { received } of refused()) {
      expect(received).toMatch(/^HTTP\/1\.1 503 /);
      expect(received).toMatch(/retry-after: 5\r\n/i);
      expect(received).toContain('"code":"overloaded"');
    }
    // Once, what was left between the bodies of 2 KiB made it 140 KiB for each client.
    expect((residentMiB(gateway.pid) - beforeMiB) * 1024 / CLIENTS).toBeLessThan(80);
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
}

/** Sends a chat request for a stream, and never reads its answer. */
async function ask(port: number): Promise<Disposable> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const body = JSON.stringify({ model: "m", stream: true });
  const head = "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway.test\r\n" +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  await connection.write(new TextEncoder().encode(head + body));
  return connection;
}

/** Streams without an end, one piece whenever the next can be taken; what is no stream is answered at once. */
class Endless extends Upstream {
  sentMiB = 0;

  constructor() {
    const piece = new Uint8Array(65_536).fill(0x3a);
    super(async (request) => {
      if (!(await request.json()).stream) return Response.json({});
      const body = new ReadableStream({
        pull: (controller) => {
          this.sentMiB += piece.length / 2 ** 20;
          controller.enqueue(piece);
        },
      }, { highWaterMark: 0 });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });
  }
}

/** What two kernels and two HTTP stacks keep on the way. */
const ON_THE_WAY_MIB = 48;

Deno.test("a stream to a client that does not read stops at its upstream, and not in memory", async () => {
  await using upstream = new Endless();
  await using gateway = await GatewayProcess.start(external("m", upstream));
  await (await gateway.chat("m")).text();
  const beforeMiB = residentMiB(gateway.pid);
  using _client = await ask(Number(new URL(gateway.url).port));
  await eventually(() => upstream.sentMiB > 1);
  // Enough turns for all that would still be sent.
  for (let round = 0; round < 500; round++) await (await gateway.chat("m")).text();
  expect(upstream.sentMiB).toBeLessThan(ON_THE_WAY_MIB);
  expect(residentMiB(gateway.pid) - beforeMiB).toBeLessThan(ON_THE_WAY_MIB);
});

Deno.test("so does a stream that was begun early", async () => {
  await using upstream = new Endless();
  await using gateway = await GatewayServer.start({
    models: [modelSpec("m", { earlyHeadersAfterMs: 0, keepAliveIntervalMs: 5 }), modelSpec("warm")],
  });
  gateway.admission("warm").open([upstream.url]);
  using _client = await ask(gateway.port);
  await eventually(() => gateway.admission("m").pending === 1);
  gateway.admission("m").open([upstream.url]);
  await eventually(() => upstream.sentMiB > 1);
  for (let round = 0; round < 500; round++) {
    await (await post(`${gateway.url}/v1/chat/completions`, { model: "warm" })).text();
  }
  expect(upstream.sentMiB).toBeLessThan(ON_THE_WAY_MIB);
});
