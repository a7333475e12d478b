/** The dashboard and the alerts that are delivered ask for metrics and labels that the gateway has, and for no others. */
import { expect } from "expect";
import { parse } from "yaml";
import { Activator } from "../src/activator/activator.ts";
import { GatewayMetrics } from "../src/operator/gateway_metrics.ts";
import { silentLog as log } from "../src/telemetry/log.ts";
import { FakeTarget } from "../src/testing/fake_target.ts";
import { parseExposition } from "../src/testing/exposition.ts";
import { modelSpec } from "../src/testing/requests.ts";
import { VirtualClock } from "../src/testing/virtual_clock.ts";

/** Of a gateway to which everything has happened once: by metric, its labels. */
async function told(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const clock = new VirtualClock();
  const target = new FakeTarget(clock);
  const activator = new Activator({
    ...{ clock, log, createTarget: () => target },
    onChange: (...change) => metrics.changed(...change),
  });
  const metrics = new GatewayMetrics({
    ...{ activator: () => activator, clock, version: "1", heldBytes: () => 0 },
    usage: { residentBytes: 1, cpuSeconds: 1, startedSeconds: 1 },
  });
  activator.add(modelSpec("m", { idleTimeoutMs: 60_000 }));
  await clock.advance(1_000);
  activator.find("m")!.steering.wake();
  await clock.advance(500);
  target.observer!.progressed({ phase: "loading", detail: "weights" }, Infinity);
  await clock.advance(600_000);
  metrics.answered({
    ...{ model: "m", status: 503, code: "overloaded", coldStartMs: 1, headersMs: 1, durationMs: 1 },
  });
  metrics.scrapeFailed("m");
  target.details = { pods: [], gpuTotal: { up: 1, freed: 2 } };
  metrics.kubernetes.answered("get", 200);
  metrics.kubernetes.heard("/pods");
  metrics.kubernetes.restarted("/pods");
  const samples = [...parseExposition(metrics.text()).values()].flatMap(({ samples }) => samples);
  const all = new Map<string, Set<string>>();
  for (const { name, labels } of samples) {
    const names = all.get(name) ?? new Set();
    for (const label of Object.keys(labels)) names.add(label);
    all.set(name, names);
  }
  return all;
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly description: string };
}

/** Those that Prometheus adds. */
const FOREIGN_LABELS = new Set(["instance", "pod"]);

/** Names of metrics in `expr` that the gateway does not have, and labels that they do not have. */
function faults(expr: string, metrics: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const names = expr.match(/\b(?:vllm_autoscaler|process)_\w+/g) ?? [];
  const of = names.flatMap((name) => [...metrics.get(name) ?? []]);
  const labels = [
    ...expr.matchAll(/\b(?:by|on|ignoring) \(([^)]*)\)/g),
    ...expr.matchAll(/[{,]\s*(\w+)=/g),
  ].flatMap(([, list]) => list!.split(",").map((label) => label.trim()));
  return [
    ...(names.length === 0 ? [`no metric in ${expr}`] : []),
    ...names.filter((name) => !metrics.has(name)),
    ...labels.filter((label) => !of.includes(label) && !FOREIGN_LABELS.has(label)),
  ];
}

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(`../deploy/${path}`, import.meta.url));
}

Deno.test("the Grafana dashboard asks for what the gateway tells, and shows all of it", async () => {
  const metrics = await told();
  const { panels }: { panels: { id: number; targets: { expr: string }[] }[] } = JSON.parse(
    await read("grafana/dashboard.json"),
  );
  const exprs = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(exprs.length).toBeGreaterThan(15);
  expect(exprs.flatMap((expr) => faults(expr, metrics))).toEqual([]);
  const ids = panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(faults('rate(vllm_autoscaler_request_total{modell="m"}[1m])', metrics))
    .toEqual(["vllm_autoscaler_request_total", "modell"]);
});

Deno.test("the alert rules ask for what the gateway tells, and say what to do", async () => {
  const metrics = await told();
  const { spec: { groups } }: { spec: { groups: { rules: Rule[] }[] } } = parse(
    await read("prometheus/alerts.yaml"),
  );
  const rules = groups.flatMap(({ rules }) => rules);
  expect(rules.map(({ alert }) => alert)).toEqual([
    ...["ModelWakeFailing", "ModelColdStartSlow", "ModelFlapping", "ModelNeverSleeps"],
    "EngineMetricsUnread",
    ...["GatewayWatchStale", "GatewayConfigRefused"],
  ]);
  for (const { alert, expr, annotations } of rules) {
    expect([alert, faults(expr, metrics)]).toEqual([alert, []]);
    expect(annotations.description.length).toBeGreaterThan(20);
  }
});

Deno.test("the HPA of the examples asks for the metric that its rule makes of what the gateway tells", async () => {
  const { rules: { external: [rule] } } = parse(await read("examples/prometheus-adapter.yaml"));
  const { spec: { metrics: [{ external: { metric } }], scaleTargetRef, minReplicas } } = parse(
    await read("examples/hpa.yaml"),
  );
  expect(metric.name).toBe(rule.name.as);
  // What the adapter puts in is what the HPA selects by.
  const [label] = Object.keys(metric.selector.matchLabels);
  const known = await told();
  for (const query of [rule.metricsQuery, rule.seriesQuery]) {
    const expr = query.replaceAll("<<.LabelMatchers>>", `${label}="m"`)
      .replace("__name__=", "");
    expect([expr, faults(expr, known)]).toEqual([expr, []]);
  }
  const [, , deployment] = (await read("examples/vllm-one-gpu.yaml")).split("\n---\n").map((text) =>
    parse(text)
  );
  expect([deployment.kind, deployment.metadata.name, minReplicas])
    .toEqual([scaleTargetRef.kind, scaleTargetRef.name, 1]);
});
