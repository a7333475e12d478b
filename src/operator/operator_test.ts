/** The operator surface over real activations in virtual time: what it shows, what it does, whom it lets in. */
import { expect } from "expect";
import type { KeySpec } from "../config/spec.ts";
import { parseExposition } from "../testing/exposition.ts";
import { operatorWorld } from "../testing/operator_world.ts";
import { HISTORY, MODEL, WAKE } from "./openapi.ts";

const KEYS: KeySpec[] = [
  { name: "ops", key: "secret", operator: true, inFlightMax: 0 },
  { name: "team", key: "public", operator: false, inFlightMax: 0 },
];

Deno.test("the operator surface shows every model with its state, why, and when it will sleep", async () => {
  const { clock, ask, wake } = operatorWorld();
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
  const { clock, ask, wake } = operatorWorld();
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
  const { ask } = operatorWorld();
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
  const { ask } = operatorWorld();
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
  const { ask } = operatorWorld({ hostname: "0.0.0.0", keys: KEYS });
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
  const { ask, leave } = operatorWorld();
  leave();
  expect([(await ask("/readyz")).status, (await ask("/livez")).status]).toEqual([503, 200]);
});

Deno.test("/api/config shows no key", async () => {
  const { ask } = operatorWorld({ keys: KEYS });
  const text = await (await ask("/api/config")).text();
  expect(text).toContain("ops");
  expect(text).not.toContain("secret");
});

Deno.test("/metrics counts requests, wakes and sleeps by model, and tells every model's state", async () => {
  const { clock, ask, wake, operator, targets } = operatorWorld();
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
  operator.scrapeFailed("m");
  operator.scrapeFailed("m");
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
  // There before anything went wrong, so that the first time is an increase.
  expect(value(`${of}metrics_scrape_failures_total`, { model: "m" })).toBe(2);
  expect(value(`${of}metrics_scrape_failures_total`, { model: "a/b" })).toBe(0);
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
  const { clock, ask, wake, steer, targets } = operatorWorld();
  await clock.advance(1_000);
  const { openapi, paths } = await (await ask("/api/openapi.json")).json();
  expect(openapi).toBe("3.1.0");
  const statuses: unknown[] = [];
  for (const [path, methods] of Object.entries<Record<string, unknown>>(paths)) {
    const [method = ""] = Object.keys(methods);
    const headers = { "content-type": "application/json" };
    const asked = ask(path.replace("{name}", "m"), { method: method.toUpperCase(), headers });
    await clock.advance(5_000);
    const response = await asked;
    await response.body?.cancel();
    const described = String(response.status) in (methods[method] as Answers).responses;
    statuses.push([path, method, described]);
  }
  expect(statuses).toEqual([
    ...[["/api/models", "get", true], ["/api/models/{name}", "get", true]],
    ...["wake", "sleep", "pin", "unpin"].map((
      verb,
    ) => [`/api/models/{name}/${verb}`, "post", true]),
    ...[["/api/wakes", "get", true], ["/api/history", "get", true], ["/api/config", "get", true], [
      "/api/events",
      "get",
      true,
    ]],
  ]);
  await clock.advance(10_000);
  await wake("a%2Fb");
  await steer("m/pin");
  targets.get("m")!.details = {
    replicas: { desired: 1, ready: 0 },
    pods: [{ name: "vllm-1", node: undefined, isReady: false, status: "no node takes it" }],
    gpuTime: {
      ...{ count: 8, total: { up: 1, freed: 2 }, today: { up: 0, freed: 0.5 } },
      week: { up: 1, freed: 2 },
    },
  };
  const { models } = await (await ask("/api/models")).json();
  expect(models[0]).toMatchObject({
    ...{ pinnedUntil: "2026-01-01T02:01:01.000Z", replicas: { desired: 1, ready: 0 } },
    pods: [{ name: "vllm-1", node: null, ready: false, status: "no node takes it" }],
    gpu: { count: 8, today: { upSeconds: 0, freedSeconds: 0.5 } },
  });
  const { wakes } = await (await ask("/api/wakes")).json();
  // Strict: what is told and not described is a fault as well.
  for (const model of models) expect(MODEL.safeParse(model).error).toBe(undefined);
  expect([wakes.length, WAKE.safeParse(wakes[0]).error]).toEqual([2, undefined]);
  expect(HISTORY.safeParse(await (await ask("/api/history")).json()).error).toBe(undefined);
});

interface Answers {
  readonly responses: Record<string, unknown>;
}

// The next keep-alive was written to a stream that had failed: an error that nobody caught.
Deno.test("/api/events lets a reader go that does not read, and writes nothing more to it", async () => {
  const { clock, ask } = operatorWorld();
  await clock.advance(1_000);
  const before = clock.timers;
  const response = await ask("/api/events");
  for (let i = 0; i < 1_010; i++) await clock.advance(15_000);
  expect(clock.timers).toBe(before);
  await expect(response.body!.getReader().read()).rejects.toThrow("the reader is too slow");
});
