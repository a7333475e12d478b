/** The Kubernetes target under the suite that holds for every target, on a real control plane. */
import { systemClock as clock } from "../../src/platform/clock.ts";
import { createFetch } from "../../src/platform/fetch.ts";
import { systemRandom as random } from "../../src/platform/random.ts";
import { Kubernetes } from "../../src/targets/kubernetes/kubernetes.ts";
import { silentLog as log } from "../../src/telemetry/log.ts";
import { conformanceTests } from "../../src/testing/conformance.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { modelSpec } from "../../src/testing/requests.ts";

conformanceTests("kubernetes", async ({ kind }) => {
  const namespace = await TestNamespace.create();
  const pods = {
    sound: { "bed/load": "100ms" },
    stubborn: { "bed/load": "2s", "bed/prestop": "1s" },
    // It ends long before it could be ready.
    broken: { "bed/load": "60s", "bed/fail": "CrashLoopBackOff" },
  };
  await namespace.deployment("engine", pods[kind]);
  const fetch = createFetch();
  const kubernetes = new Kubernetes({
    ...{ access: namespace.access, fetch, clock, random, log, identity: "conformance" },
  });
  const spec = modelSpec("m", {
    scale: { kind: "deployment", namespace: namespace.name, name: "engine" },
  });
  const target = kubernetes.target(spec, Promise.resolve());
  return {
    target,
    until: (condition) => eventually(condition, 20_000),
    async [Symbol.asyncDispose]() {
      await target.close();
      await kubernetes.close();
      await namespace[Symbol.asyncDispose]();
    },
  };
}, test);
