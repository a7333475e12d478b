/** `deploy/prometheus/podmonitor.yaml` finds the gateways of `deploy/kustomize`, and their metrics without a key. */
import { expect } from "expect";
import { parse } from "yaml";
import { GatewayProcess } from "../src/testing/gateway_process.ts";

const read = async (path: string) =>
  parse(await Deno.readTextFile(new URL(`../deploy/${path}`, import.meta.url)));

/** The part of PodMonitor's published schema (monitoring.coreos.com/v1, as of 0.91) that is used here. */
const TEXT = "text";
const SHAPE = {
  ...{ apiVersion: TEXT, kind: TEXT, metadata: { name: TEXT, labels: {} } },
  spec: {
    ...{ jobLabel: TEXT, selector: { matchLabels: {} }, namespaceSelector: { matchNames: [TEXT] } },
    podMetricsEndpoints: [{ port: TEXT, path: TEXT, interval: TEXT }],
  },
};

/** Paths in `value` that `shape` does not have; an empty object takes any texts. */
function strangers(value: unknown, shape: unknown, path = ""): string[] {
  if (shape === TEXT) return typeof value === "string" ? [] : [path];
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return [path];
    return value.flatMap((each, at) => strangers(each, shape[0], `${path}[${at}]`));
  }
  const known = shape as Record<string, unknown>;
  const isFree = Object.keys(known).length === 0;
  return Object.entries(value as object).flatMap(([key, part]) =>
    isFree
      ? strangers(part, TEXT, `${path}.${key}`)
      : key in known
      ? strangers(part, known[key], `${path}.${key}`)
      : [`${path}.${key}`]
  );
}

Deno.test("the PodMonitor says what its kind knows, and selects the pods and the port of the gateway", async () => {
  const monitor = await read("prometheus/podmonitor.yaml");
  expect(strangers(monitor, SHAPE)).toEqual([]);
  const { selector, namespaceSelector, podMetricsEndpoints: [endpoint] } = monitor.spec;
  const { namespace, labels: [labels] } = await read("kustomize/kustomization.yaml");
  expect(namespaceSelector.matchNames).toEqual([namespace]);
  expect(selector.matchLabels).toEqual(labels.pairs);
  const { spec: { template: { spec } } } = await read("kustomize/deployment.yaml");
  const { server } = await read("kustomize/config.yaml");
  const port = spec.containers[0].ports.find(({ name }: { name: string }) =>
    name === endpoint.port
  );
  expect(server.operator).toBe(`0.0.0.0:${port.containerPort}`);
});

Deno.test("what the PodMonitor scrapes is there without a key", async () => {
  const { spec: { podMetricsEndpoints: [{ path }] } } = await read("prometheus/podmonitor.yaml");
  await using gateway = await GatewayProcess.start(
    `  m: { external: true, upstream: "http://127.0.0.1:9" }\n`,
    { server: "operator: 0.0.0.0:0" },
  );
  const url = gateway.operatorUrl.replace("0.0.0.0", "127.0.0.1");
  const response = await fetch(url + path);
  expect([response.status, await response.text()]).toEqual([
    200,
    expect.stringContaining("vllm_autoscaler_model_state"),
  ]);
});
