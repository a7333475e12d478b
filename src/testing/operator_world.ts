/** The operator surface over real activations with fake targets, in virtual time. */
import { Activator } from "../activator/activator.ts";
import type { Config, KeySpec } from "../config/spec.ts";
import { createOperator } from "../operator/operator.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import { silentLog as log } from "../telemetry/log.ts";
import { FakeTarget } from "./fake_target.ts";
import { modelSpec, serverSpec } from "./requests.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Two models, and one of them has a slash in its name. */
export function operatorWorld(
  { hostname = "127.0.0.1", keys = [] as KeySpec[], models = ["m", "a/b"] } = {},
) {
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
  const specs = models.map((name) =>
    modelSpec(name, { idleTimeoutMs: 300_000, scale: { kind: "deployment", name: "vllm" } })
  );
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
    return await operator.handle(asked);
  };
  const steer = (path: string) =>
    ask(`/api/models/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
    });
  const wake = (name: string) => steer(`${name}/wake`);
  return {
    specs,
    steer,
    clock,
    activator,
    targets,
    operator,
    ask,
    wake,
    leave: () => isReady = false,
  };
}
