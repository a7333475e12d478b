/** The manifests and the program agree on how long a gateway may take to end. */
import { expect } from "expect";
import { parse } from "yaml";
import { LAST_ANSWERS_MS } from "../src/cli/serve.ts";
import { parseConfig } from "../src/config/parse.ts";
import { GOODBYE_MS } from "../src/platform/http_server.ts";
import { KubernetesWorld } from "../src/testing/kubernetes_world.ts";

const read = (name: string) =>
  Deno.readTextFile(new URL(`../deploy/kustomize/${name}`, import.meta.url));

/** How long it takes a gateway to let go of its cluster. */
async function leavingMs(isBlackHole: boolean): Promise<number> {
  const world = new KubernetesWorld();
  const { kubernetes, weather } = world.gateway();
  // Long enough to have a Lease.
  await world.clock.advance(10_000);
  weather.isBlackHole = isBlackHole;
  const sinceMs = world.clock.nowMs();
  await world.over(kubernetes.close());
  world.close();
  return world.clock.nowMs() - sinceMs;
}

Deno.test("terminationGracePeriodSeconds in deploy/kustomize is longer than a gateway's end, whatever hangs", async () => {
  const { spec: { template: { spec } } } = parse(await read("deployment.yaml"));
  const text = await read("config.yaml");
  const parsed = parseConfig(text, { file: "config.yaml", env: {}, dir: "/" });
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  const { shutdownDelayMs, drainTimeoutMs } = parsed.config.server;
  const awayMs = await leavingMs(true);
  expect(awayMs).toBeGreaterThan(await leavingMs(false));
  const endMs = shutdownDelayMs + drainTimeoutMs + LAST_ANSWERS_MS + GOODBYE_MS + awayMs;
  // And some, for a node that is busy.
  expect(spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(endMs + 5_000);
});
