/** Gateways that know each other by their Leases, on a real API server, with just the rights for that. */
import { expect } from "expect";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import { createFetch } from "../../src/platform/fetch.ts";
import { systemFiles } from "../../src/platform/files.ts";
import { systemRandom as random } from "../../src/platform/random.ts";
import { KubernetesApi } from "../../src/targets/kubernetes/api.ts";
import { byKubeconfig } from "../../src/targets/kubernetes/kubeconfig.ts";
import { Membership } from "../../src/targets/kubernetes/membership.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { createAccount } from "../../src/testing/service_account.ts";
import { silentLog as log } from "../../src/telemetry/log.ts";

const VERBS = ["list", "watch", "create", "patch", "delete"];
const COORDINATION = "/apis/coordination.k8s.io/v1";
const IDLE_MS = 600_000;

/** A minute in six seconds. */
const PACE = 10;
const fastClock: Clock = {
  nowMs: () => systemClock.nowMs() * PACE,
  wallMs: () => systemClock.nowMs() * PACE,
  timer: (delayMs, callback) => systemClock.timer(delayMs / PACE, callback),
};

test("gateways tell each other by their Leases what they use and agree to, and that one is gone", async () => {
  await using namespace = await TestNamespace.create();
  const token = await createAccount(namespace, "gateway", [
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: VERBS },
  ]);
  const signal = AbortSignal.timeout(60_000);
  await using proxy = await RecordingProxy.start(token);
  await using all = new AsyncDisposableStack();
  const losses: string[] = [];
  async function join(identity: string, proxy: RecordingProxy): Promise<Membership> {
    const access = await byKubeconfig({
      ...{ paths: [proxy.kubeconfig], context: undefined, files: systemFiles, createFetch },
    });
    const membership = new Membership({
      ...{ api: new KubernetesApi({ access, clock: systemClock, random }), clock: fastClock },
      ...{ random, log, namespace: namespace.name, identity },
    });
    membership.listen({ changed() {}, lapsed: () => losses.push(identity), unfenced() {} });
    all.defer(() => membership.leave());
    membership.start();
    await membership.serving("m", signal);
    return membership;
  }
  const a = await join("a", proxy);
  const b = await join("b", proxy);
  b.claim("m", true, IDLE_MS);
  await eventually(() => a.claimsOf("m")[0]?.isInUse === true);
  const agreed = a.agreed("m", "t1", signal);
  await b.ack("m", "t1", signal);
  await agreed;

  // A restart under the same name: the Lease is taken over, the ack is not.
  const again = await join("b", proxy);
  expect(again.name).toBe("vllm-autoscaler-b");
  const lease = await namespace.get(COORDINATION, "leases", again.name);
  expect(lease.metadata.annotations["vllm-autoscaler/acks"]).toBe("{}");
  // The one before lives, and finds a name of its own.
  await eventually(() => b.name !== again.name && b.isFresh && losses.join() === "b");

  // Somebody deletes a Lease: it is made again.
  await namespace.delete(COORDINATION, "leases", a.name);
  await eventually(() => losses.join() === "b,a" && a.isFresh);

  // One that is not heard of any more is waited for, then expelled.
  const cut = await RecordingProxy.start(token);
  const dead = await join("dead", cut);
  await eventually(() => a.isServing(dead.name, "m"));
  // It ends with the last watch that goes through it.
  const ended = cut[Symbol.asyncDispose]();
  const acked = Promise.all([b, again].map((each) => each.ack("m", "t2", signal)));
  await a.agreed("m", "t2", signal);
  await acked;
  expect(a.isServing(dead.name, "m")).toBe(false);
  await eventually(() => !dead.isFresh);

  await Promise.all([a, b, again, dead].map((each) => each.leave()));
  await ended;
  expect(await namespace.list(COORDINATION, "leases")).toEqual([]);
  expect([...proxy.used].sort())
    .toEqual(VERBS.map((verb) => `${verb} leases.coordination.k8s.io`).sort());
  expect(proxy.refused).toEqual(new Set());
});
