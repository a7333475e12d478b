/** What a collector gets to see of a real gateway with `OTEL_DENO=true`, and what engines see with and without it. */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { engineModel, GatewayProcess, UNDER_TEST } from "../src/testing/gateway_process.ts";
import { post, Upstream } from "../src/testing/gateway_server.ts";
import { buildImage } from "../src/testing/image.ts";
import { OtlpReceiver } from "../src/testing/otlp_receiver.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";
const TRACED = { traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: "a=1,b=2" };
const CHAT = "POST /v1/chat/completions";

function start(models: string, env: Readonly<Record<string, string>>): Promise<GatewayProcess> {
  return GatewayProcess.start(models, { command: { ...UNDER_TEST, env } });
}

/** An upstream that keeps what says which trace a request belongs to. */
function tracedUpstream() {
  const seen: (string | null)[][] = [];
  const upstream = new Upstream(({ headers, url }) => {
    if (new URL(url).pathname !== "/health") {
      seen.push([headers.get("traceparent"), headers.get("tracestate")]);
    }
    return Response.json({ object: "chat.completion" });
  });
  return { seen, upstream };
}

Deno.test("without tracing `traceparent` and `tracestate` reach the upstream as they came", async () => {
  const { seen, upstream } = tracedUpstream();
  await using _upstream = upstream;
  await using gateway = await start(`  m: { external: true, upstream: "${upstream.url}" }\n`, {});
  const headers = { "content-type": "application/json", ...TRACED };
  await (await gateway.chat("m", {}, { headers })).body?.cancel();
  await (await gateway.chat("m")).body?.cancel();
  expect(seen).toEqual([[TRACED.traceparent, TRACED.tracestate], [null, null]]);
});

Deno.test("where Deno exports nothing all the same, the log says so, and requests are served", async () => {
  await using collector = new OtlpReceiver();
  const { seen, upstream } = tracedUpstream();
  await using _upstream = upstream;
  await using gateway = await start(`  m: { external: true, upstream: "${upstream.url}" }\n`, {
    ...collector.env,
    OTEL_DENO_CONSOLE: "ignore",
  });
  expect(gateway.lines.find(({ msg }) => msg === "nothing is traced")?.level).toBe("warn");
  const headers = { "content-type": "application/json", ...TRACED };
  await (await gateway.chat("m", {}, { headers })).body?.cancel();
  expect(seen).toEqual([[TRACED.traceparent, TRACED.tracestate]]);
});

Deno.test("a cold stream is a span to its last byte, and its wait leads to the wake", async () => {
  await using collector = new OtlpReceiver();
  await using gateway = await start(
    engineModel("m", "--cold-start 400ms --tokens 6 --tokens-per-second 20"),
    collector.env,
  );
  const headers = { "content-type": "application/json", "x-request-id": "r-1", ...TRACED };
  const response = await gateway.chat("m", { stream: true }, { headers });
  expect(await response.text()).toMatch(/data: \[DONE\]\s*$/);
  const [request, wait, wake] = [
    await collector.span(CHAT),
    await collector.span("wait"),
    await collector.span("wake"),
  ];
  const { hostname, port } = new URL(gateway.url);
  expect(request).toMatchObject({
    ...{ traceId: TRACE, parentId: CALLER, kind: "server", failure: undefined, links: [] },
    scope: "vllm-autoscaler",
    attributes: {
      "http.request.method": "POST",
      "http.route": "/v1/chat/completions",
      "http.response.status_code": 200,
      "url.path": "/v1/chat/completions",
      "url.scheme": "http",
      "server.address": hostname,
      "server.port": Number(port),
      "gen_ai.request.model": "m",
      "vllm_autoscaler.model": "m",
      "vllm_autoscaler.request_id": "r-1",
    },
  });
  expect(request.attributes["vllm_autoscaler.cold_start_ms"]).toBeGreaterThanOrEqual(400);
  // Six tokens at 20 a second come after the wait.
  expect(request.durationMs).toBeGreaterThan(wait.durationMs + 150);
  expect(wait).toMatchObject({
    ...{ traceId: TRACE, parentId: request.spanId, kind: "internal", links: [wake.spanId] },
    attributes: {
      "vllm_autoscaler.model": "m",
      "vllm_autoscaler.outcome": "admitted",
      "vllm_autoscaler.cold_start": true,
    },
  });
  expect(wake).toMatchObject({
    ...{ parentId: "", links: [], failure: undefined },
    attributes: {
      "vllm_autoscaler.model": "m",
      "vllm_autoscaler.reason": "a request came",
      "vllm_autoscaler.outcome": "ready",
    },
  });
  expect(wake.traceId).not.toBe(TRACE);
  expect(wake.durationMs).toBeGreaterThanOrEqual(400);
  // Nothing but ours: no probe, no metrics of the engine, no query.
  expect(new Set(collector.spans.map(({ scope }) => scope))).toEqual(new Set(["vllm-autoscaler"]));
  await (await fetch(`${gateway.url}/health`)).body?.cancel();
  await (await gateway.chat("m", { max_tokens: 2 })).text();
  const warm = await collector.span(CHAT, ({ traceId }) => traceId !== TRACE);
  expect([warm.parentId, warm.attributes["vllm_autoscaler.cold_start_ms"]]).toEqual([
    "",
    undefined,
  ]);
  expect(collector.spans.filter(({ name }) => name === "wait")).toHaveLength(1);
  expect(collector.spans.filter(({ kind }) => kind === "server")).toHaveLength(2);
});

Deno.test("a client that leaves ends its own spans, and not the wake's", async () => {
  await using collector = new OtlpReceiver();
  await using gateway = await start(engineModel("m", "--cold-start 700ms"), collector.env);
  const leaving = new AbortController();
  const gone = gateway.chat("m", {}, { signal: leaving.signal });
  await gateway.until("m", "waking");
  leaving.abort();
  await expect(gone).rejects.toThrow();
  const request = await collector.span(CHAT);
  const wait = await collector.span("wait");
  expect(request.attributes["http.response.status_code"]).toBe(499);
  expect(request.failure).toBe(undefined);
  expect(wait.attributes["vllm_autoscaler.outcome"]).toBe("left");
  expect([wait.traceId, wait.parentId]).toEqual([request.traceId, request.spanId]);
  const wake = await collector.span("wake");
  expect(wake.attributes["vllm_autoscaler.outcome"]).toBe("ready");
  expect(wait.links).toEqual([wake.spanId]);
  expect(collector.spans.indexOf(wake)).toBeGreaterThan(collector.spans.indexOf(request));
});

Deno.test("a wake that fails says why, to everyone who waited and in the log, by the same trace", async () => {
  await using collector = new OtlpReceiver();
  await using gateway = await GatewayProcess.start(
    engineModel("m", "--crash-after 300ms").replace("--crash-after", "--no-such-flag"),
    {
      server: "logLevel: debug",
      command: { ...UNDER_TEST, env: collector.env },
    },
  );
  const answers = await Promise.all(["a", "b"].map((id) =>
    gateway.chat("m", {}, {
      headers: { "content-type": "application/json", "x-request-id": id },
    })
  ));
  const { error } = await answers[0]!.json();
  await answers[1]!.body?.cancel();
  expect(answers.map(({ status }) => status)).toEqual([503, 503]);
  const wake = await collector.span("wake");
  expect(wake.attributes["vllm_autoscaler.outcome"]).toBe("failed");
  expect(wake.attributes["error.type"]).toMatch(/^(?:crashed|cannot_start|config)$/);
  expect(error.message).toContain(wake.failure);
  for (const id of ["a", "b"]) {
    const isIts = (span: { attributes: Readonly<Record<string, unknown>> }) =>
      span.attributes["vllm_autoscaler.request_id"] === id;
    const request = await collector.span(CHAT, isIts);
    expect(request.failure).toBe("model_unavailable");
    expect(request.attributes).toMatchObject({
      "http.response.status_code": 503,
      "error.type": "model_unavailable",
    });
    const wait = await collector.span("wait", ({ parentId }) => parentId === request.spanId);
    expect(wait.links).toEqual([wake.spanId]);
    expect(wait.failure).toBe(error.message);
    const line = gateway.lines.find(({ requestId }) => requestId === id);
    expect(line).toMatchObject({ model: "m", traceId: request.traceId });
  }
});

Deno.test("upstreams are told of our span, and of no secret is a word in any", async () => {
  await using collector = new OtlpReceiver();
  const { seen, upstream } = tracedUpstream();
  await using _upstream = upstream;
  await using gateway = await start(
    `  m: { external: true, upstream: "${upstream.url}" }\n`,
    collector.env,
  );
  const url = `${gateway.url}/v1/chat/completions?api_key=hidden-query`;
  const body = { model: "m", messages: [{ role: "user", content: "hidden-prompt" }] };
  const headers = { authorization: "Bearer hidden-key", "x-api-key": "hidden-too", ...TRACED };
  await (await post(url, body, { headers })).body?.cancel();
  await (await post(url, { ...body, model: "hidden-model" }, { headers })).body?.cancel();
  await (await fetch(`${gateway.url}/v1/hidden?x=hidden`, { headers })).body?.cancel();
  const request = await collector.span(
    CHAT,
    ({ attributes }) => attributes["error.type"] === undefined,
  );
  await collector.span(CHAT, ({ attributes }) => attributes["error.type"] === "model_not_found");
  const other = await collector.span("GET");
  expect(other.attributes["http.route"]).toBe(undefined);
  expect(seen[0]).toEqual([`00-${TRACE}-${request.spanId}-01`, TRACED.tracestate]);
  const told = collector.text.join("\n").replaceAll("/v1/hidden", "");
  expect(told).not.toContain("hidden");
});

Deno.test("a sampler of the environment's is kept to: by what the client's trace says, or by none at all", async () => {
  await using collector = new OtlpReceiver();
  const { seen, upstream } = tracedUpstream();
  await using _upstream = upstream;
  await using gateway = await start(`  m: { external: true, upstream: "${upstream.url}" }\n`, {
    ...collector.env,
    OTEL_TRACES_SAMPLER: "parentbased_always_on",
  });
  const ask = async (flags: string) => {
    const headers = {
      "content-type": "application/json",
      traceparent: `00-${TRACE}-${CALLER}-${flags}`,
    };
    await (await gateway.chat("m", {}, { headers })).text();
  };
  await ask("00");
  await ask("01");
  const { spanId } = await collector.span(CHAT);
  expect(seen[0]![0]).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  expect(seen[1]![0]).toBe(`00-${TRACE}-${spanId}-01`);
  expect(collector.spans).toHaveLength(1);
});

Deno.test("beside Deno's own spans ours stay whole, and the log says how to be rid of Deno's", async () => {
  await using collector = new OtlpReceiver();
  const { seen, upstream } = tracedUpstream();
  await using _upstream = upstream;
  await using gateway = await start(`  m: { external: true, upstream: "${upstream.url}" }\n`, {
    ...collector.env,
    OTEL_DENO_TRACING: "true",
  });
  expect(gateway.lines.some(({ msg }) => msg.includes("OTEL_DENO_TRACING=false"))).toBe(true);
  const headers = { "content-type": "application/json", ...TRACED };
  await (await gateway.chat("m", {}, { headers })).body?.cancel();
  const request = await collector.span(CHAT);
  expect(seen[0]![0]).toBe(`00-${TRACE}-${request.spanId}-01`);
});

Deno.test("the image traces with OTEL_DENO=true and an endpoint, and tells the rest as it ends", async () => {
  await using collector = new OtlpReceiver();
  await using image = await buildImage();
  const { words, env } = image.command();
  const { OTEL_DENO, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL } = collector.env;
  const { seen, upstream } = tracedUpstream();
  await using _upstream = upstream;
  await using gateway = await GatewayProcess.start(
    `  m: { external: true, upstream: "${upstream.url}" }\n`,
    {
      command: {
        words,
        // Long enough that only the end can be what sends it.
        env: {
          ...env,
          ...{ OTEL_DENO, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL },
          OTEL_BSP_SCHEDULE_DELAY: "600000",
        } as Record<string, string>,
      },
    },
  );
  await (await gateway.chat("m")).text();
  await eventually(() => seen.length === 1);
  expect((await gateway.stop()).code).toBe(0);
  const request = await collector.span(CHAT);
  expect(request.scope).toBe("vllm-autoscaler");
  expect(collector.spans.map(({ scope }) => scope)).not.toContain("deno");
  expect(request.service).toBe("vllm-autoscaler");
});
