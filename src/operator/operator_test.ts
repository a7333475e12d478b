/** The operator surface over real activations in virtual time: what it shows, what it does, whom it lets in. */
import { expect } from "expect";
import { Activator } from "../activator/activator.ts";
import type { Config, KeySpec } from "../config/spec.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import type { RequestInfo } from "../platform/http_server.ts";
import { silentLog as log } from "../telemetry/log.ts";
import { parseExposition } from "../testing/exposition.ts";
import { FakeTarget } from "../testing/fake_target.ts";
import { modelSpec, serverSpec } from "../testing/requests.ts";
import { VirtualClock } from "../testing/virtual_clock.ts";
import { HISTORY, MODEL, WAKE } from "./openapi.ts";
import { createOperator } from "./operator.ts";

const KEYS: KeySpec[] = [
  { name: "ops", key: "secret", operator: true, inFlightMax: 0 },
  { name: "team", key: "public", operator: false, inFlightMax: 0 },
];

function world({ hostname = "127.0.0.1", keys = [] as KeySpec[], models = ["m", "a/b"] } = {}) {
  const clock = new VirtualClock();
  const targets = new Map<string, FakeTarget>();
  const activator = new Activator({
    ...{ clock, log },
    createTarget(spec) {
      const target = new FakeTarget(clock);
      targets.set(spec.name, target);
      return target;
    },
    onChange: (...change) => operator.changed(...change),
  });
  const specs = models.map((name) => modelSpec(name, { idleTimeoutMs: 300_000 }));
  const config = {
    ...{ server: serverSpec({ keys }), models: specs, routes: [] },
    kubernetes: { namespace: "", kubeconfig: "", context: "" },
  } satisfies Config;
  let isReady = true;
  const operator = createOperator({
    ...{ hostname, config: () => config, activator: () => activator, clock, log },
    ...{ version: "1.2.3", heldBytes: () => 7 },
    usage: { residentBytes: 1, cpuSeconds: 2, startedSeconds: 3 },
    ...{ isReady: () => isReady, env: () => undefined },
    files: { readText: () => Promise.reject(new Error("no files here")) },
  });
  for (const spec of specs) activator.add(spec);
  const ask = async (path: string, init: RequestInit = {}, host = "127.0.0.1:9090") => {
    const headers = new Headers(init.headers);
    headers.set("host", host);
    const request = new Request(`http://${host}${path}`, init);
    const asked: ServerRequest = {
      ...{ method: request.method, url: request.url, headers, body: request.body },
      signal: request.signal,
    };
    return await operator.handle(asked, {} as RequestInfo);
  };
  const wake = (name: string) =>
    ask(`/api/models/${name}/wake`, {
      method: "POST",
      headers: { "content-type": "application/json" },
    });
  return { clock, activator, targets, operator, ask, wake, leave: () => isReady = false };
}

Deno.test("the operator surface shows every model with its state, why, and when it will sleep", async () => {
  const { clock, ask, wake } = world();
  await clock.advance(1_000);
  const { models } = await (await ask("/api/models")).json();
  expect(models).toHaveLength(2);
  expect(models[0]).toMatchObject({
    ...{ name: "m", state: "asleep", reason: "found at zero", pending: 0, inFlight: 0 },
    ...{ target: "fake workload", sleepsInSeconds: null, failure: null },
  });
  const woken = await wake("m");
  expect(woken.status).toBe(202);
  expect(await woken.json()).toMatchObject({
    state: "waking",
    reason: "a request came",
    pending: 1,
  });
  await clock.advance(10_000);
  const up = await (await ask("/api/models/m")).json();
  expect(up).toMatchObject({ state: "idle", pending: 0, inFlight: 0, idleTimeoutSeconds: 300 });
  expect(up.sleepsInSeconds).toBeGreaterThan(285);
  expect(up.sleepsInSeconds).toBeLessThan(300);
  // A name with a slash is one.
  expect((await ask("/api/models/a%2Fb")).status).toBe(200);
  const { wakes } = await (await ask("/api/wakes")).json();
  expect(wakes).toEqual([expect.objectContaining({ model: "m", ended: "active" })]);
  expect(wakes[0].seconds).toBeGreaterThan(1);
});

Deno.test("the operator surface streams what there is, then every change, until the reader leaves", async () => {
  const { clock, ask, wake } = world();
  await clock.advance(1_000);
  const response = await ask("/api/events");
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toMatch(/^event: models\ndata: \[\{"name":"m"/);
  const timers = clock.timers;
  await wake("m");
  await clock.advance(10_000);
  let text = "";
  while (!text.includes("event: wake")) text += (await reader.read()).value;
  const told = (name: string) =>
    text.split("\n\n").filter((event) => event.startsWith(`event: ${name}\n`))
      .map((event) => JSON.parse(event.split("data: ")[1]!));
  expect(told("wake")).toEqual([expect.objectContaining({ model: "m", ended: "active" })]);
  expect(told("model")[0]).toMatchObject({ name: "m", state: "waking", pending: 1 });
  expect(told("change")).toEqual([
    expect.objectContaining({
      model: "m",
      was: "asleep",
      state: "waking",
      reason: "a request came",
    }),
    expect.objectContaining({ model: "m", was: "waking", state: "active" }),
  ]);
  await clock.advance(15_000);
  await reader.cancel();
  await clock.advance(1);
  expect(clock.timers).toBeLessThanOrEqual(timers);
});

Deno.test("the operator surface refuses what makes no sense, and says what does", async () => {
  const { ask } = world();
  const of = async (path: string, init?: RequestInit) => {
    const response = await ask(path, init);
    return [response.status, (await response.json()).error.message];
  };
  expect(await of("/api/models/x")).toEqual([404, "There is no model 'x'"]);
  expect(await of("/api/models/m/dance", { method: "POST" }))
    .toEqual([404, "There is no 'dance' of a model"]);
  expect(await of("/api/models/m/wake")).toEqual([405, "Use POST"]);
  expect(await of("/api/models", { method: "DELETE" })).toEqual([405, "Use GET"]);
  expect(await of("/api/models/m/wake", { method: "POST", body: "a=b" }))
    .toEqual([415, "Send it with 'content-type: application/json'"]);
  expect(await of("/nothing")).toEqual([404, "There is nothing at /nothing"]);
  expect((await of("/api/models/%E0%A4%A"))[0]).toBe(404);
});

Deno.test("on loopback the operator surface is for this machine's own pages only", async () => {
  const { ask } = world();
  const statuses = async (host: string) =>
    await Promise.all(
      ["/api/models", "/metrics", "/readyz"].map(async (path) =>
        (await ask(path, {}, host)).status
      ),
    );
  for (const host of ["127.0.0.1:9090", "localhost:9090", "[::1]:9090"]) {
    expect([host, ...await statuses(host)]).toEqual([host, 200, 200, 200]);
  }
  // DNS rebinding: a page of elsewhere whose name now leads here.
  expect(await statuses("evil.example")).toEqual([403, 200, 200]);
});

Deno.test("elsewhere the operator surface wants an operator's key, but for probes and metrics", async () => {
  const { ask } = world({ hostname: "0.0.0.0", keys: KEYS });
  const status = async (authorization?: string, path = "/api/models") =>
    (await ask(path, { headers: authorization ? { authorization } : {} }, "gateway:9090")).status;
  const basic = (pair: string) => `Basic ${btoa(pair)}`;
  expect([await status(), await status("Bearer public"), await status("Bearer no")])
    .toEqual([401, 401, 401]);
  expect([await status("Bearer secret"), await status(basic("me:secret"))]).toEqual([200, 200]);
  expect([await status(basic("secret:x")), await status("Basic %%%")]).toEqual([401, 401]);
  for (const path of ["/", "/page/app.js", "/api/events"]) {
    expect([path, await status(undefined, path)]).toEqual([path, 401]);
  }
  for (const path of ["/livez", "/readyz", "/metrics"]) {
    expect([path, await status(undefined, path)]).toEqual([path, 200]);
  }
  const refused = await ask("/api/models", {}, "gateway:9090");
  expect(refused.headers.get("www-authenticate")).toBe('Basic realm="vllm-autoscaler"');
});

Deno.test("the operator surface is not ready once the gateway leaves, and still alive", async () => {
  const { ask, leave } = world();
  leave();
  expect([(await ask("/readyz")).status, (await ask("/livez")).status]).toEqual([503, 200]);
});

Deno.test("/api/config shows no key", async () => {
  const { ask } = world({ keys: KEYS });
  const text = await (await ask("/api/config")).text();
  expect(text).toContain("ops");
  expect(text).not.toContain("secret");
});

Deno.test("/metrics counts requests, wakes and sleeps by model, and tells every model's state", async () => {
  const { clock, ask, wake, operator, targets } = world();
  await clock.advance(1_000);
  await wake("m");
  await clock.advance(20 * 60_000);
  targets.get("a/b")!.weather = { ...targets.get("a/b")!.weather, cannotWake: () => true };
  await wake("a%2Fb");
  await clock.advance(10_000);
  operator.answered({
    ...{ model: "m", status: 200, code: undefined, coldStartMs: 900 },
    ...{ headersMs: 1_000, durationMs: 3_000 },
  });
  operator.answered({
    ...{ model: "", status: 404, code: "model_not_found", coldStartMs: undefined },
    ...{ headersMs: 1, durationMs: 1 },
  });
  operator.reloaded("failure");
  operator.kubernetes.answered("patch", 409);
  operator.kubernetes.heard("/apis/apps/v1/namespaces/ai/deployments");
  operator.kubernetes.restarted("/apis/apps/v1/namespaces/ai/deployments");
  const response = await ask("/metrics");
  expect(response.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  const families = parseExposition(await response.text());
  const value = (name: string, labels: Record<string, string> = {}) =>
    families.get(name.replace(/_(count|sum)$/, ""))?.samples.find((sample) =>
      sample.name === name && JSON.stringify(sample.labels) === JSON.stringify(labels)
    )?.value;
  const of = "vllm_autoscaler_";
  expect(value(`${of}requests_total`, { model: "m", code: "200" })).toBe(1);
  expect(value(`${of}requests_total`, { model: "", code: "404" })).toBe(1);
  expect(value(`${of}rejected_requests_total`, { model: "", reason: "model_not_found" })).toBe(1);
  expect(value(`${of}time_to_first_byte_seconds_sum`, { model: "m", cold: "true" })).toBe(1);
  expect(value(`${of}cold_starts_total`, { model: "m", outcome: "ready" })).toBe(1);
  expect(value(`${of}cold_starts_total`, { model: "a/b", outcome: "failed" })).toBe(1);
  expect(value(`${of}cold_start_duration_seconds_count`, { model: "m" })).toBe(1);
  expect(value(`${of}sleeps_total`, { model: "m", reason: "idle" })).toBe(1);
  expect(value(`${of}model_state`, { model: "m", state: "asleep" })).toBe(1);
  expect(value(`${of}model_state`, { model: "a/b", state: "failed" })).toBe(1);
  expect(value(`${of}config_reloads_total`, { outcome: "failure" })).toBe(1);
  expect(value(`${of}kubernetes_requests_total`, { verb: "patch", code: "409" })).toBe(1);
  expect(value(`${of}watch_restarts_total`, { kind: "deployments" })).toBe(1);
  expect(value(`${of}watch_last_event_timestamp_seconds`, { kind: "deployments" }))
    .toBe(clock.wallMs() / 1_000);
  expect(value(`${of}held_body_bytes`)).toBe(7);
  expect(value(`${of}build_info`, { version: "1.2.3" })).toBe(1);
  expect(value("process_start_time_seconds")).toBe(3);
  for (const [name, { help, type }] of families) {
    expect([name, help.length > 5, type === "counter"])
      .toEqual([name, true, name.endsWith("_total")]);
  }
});

Deno.test("/api/openapi.json describes what is there as it is, and nothing else", async () => {
  const { clock, ask, wake } = world();
  await clock.advance(1_000);
  const { openapi, paths } = await (await ask("/api/openapi.json")).json();
  expect(openapi).toBe("3.1.0");
  const statuses = await Promise.all(
    Object.entries<Record<string, unknown>>(paths).map(async ([path, methods]) => {
      const [method = ""] = Object.keys(methods);
      const headers = { "content-type": "application/json" };
      const response = await ask(path.replace("{name}", "m"), {
        ...{ method: method.toUpperCase(), headers },
      });
      await response.body?.cancel();
      return [path, method, String(response.status) in (methods[method] as Answers).responses];
    }),
  );
  expect(statuses).toEqual([
    ...[["/api/models", "get", true], ["/api/models/{name}", "get", true]],
    ...[["/api/models/{name}/wake", "post", true], ["/api/wakes", "get", true]],
    ["/api/history", "get", true],
    ...[["/api/config", "get", true], ["/api/events", "get", true]],
  ]);
  await clock.advance(10_000);
  await wake("a%2Fb");
  const { models } = await (await ask("/api/models")).json();
  const { wakes } = await (await ask("/api/wakes")).json();
  // Strict: what is told and not described is a fault as well.
  for (const model of models) expect(MODEL.safeParse(model).error).toBe(undefined);
  expect([wakes.length, WAKE.safeParse(wakes[0]).error]).toEqual([1, undefined]);
  expect(HISTORY.safeParse(await (await ask("/api/history")).json()).error).toBe(undefined);
});

interface Answers {
  readonly responses: Record<string, unknown>;
}

// The next keep-alive was written to a stream that had failed: an error that nobody caught.
Deno.test("/api/events lets a reader go that does not read, and writes nothing more to it", async () => {
  const { clock, ask } = world();
  await clock.advance(1_000);
  const before = clock.timers;
  const response = await ask("/api/events");
  for (let i = 0; i < 1_010; i++) await clock.advance(15_000);
  expect(clock.timers).toBe(before);
  await expect(response.body!.getReader().read()).rejects.toThrow("the reader is too slow");
});
