/** What a wake costs beyond what the cluster takes: from its telling that a pod is ready to the held request there. */
import { systemClock as clock } from "../../src/platform/clock.ts";
import { systemRandom as random } from "../../src/platform/random.ts";
import { type KubernetesObject, Reflector } from "../../src/targets/kubernetes/reflector.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { startGateway } from "../../src/testing/cluster_gateway.ts";
import { TestNamespace } from "../../src/testing/control_plane.ts";
import type { Shipped } from "./shipped.ts";
import { epochMs, RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { createAccount, EVERYTHING } from "../../src/testing/service_account.ts";
import { ClusterUpstream } from "./cluster_upstream.ts";
import { tell } from "./figures.ts";
import { POD_READY, WAKES_AFTER_MS } from "./wake.ts";

/** When the API server told of something of a kind that it became ready, the last time. */
class FirstReady implements AsyncDisposable {
  atMs = 0;
  #wasReady = true;
  readonly #reflector: Reflector<boolean>;

  constructor(
    { api, name }: TestNamespace,
    root: string,
    plural: string,
    isReady: (object: KubernetesObject) => boolean,
  ) {
    this.#reflector = new Reflector({
      ...{ api, clock, random, path: `${root}/namespaces/${name}/${plural}` },
      log: silentLog,
      pick: isReady,
      onChange: (_, ready = false) => {
        if (ready && !this.#wasReady) this.atMs = epochMs();
        this.#wasReady = ready;
      },
      onContact() {},
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#reflector.close();
  }
}

// deno-lint-ignore no-explicit-any
type Json = any;

function podIsReady({ status }: Json): boolean {
  return status.conditions?.some((each: Json) => each.type === "Ready" && each.status === "True");
}

function sliceIsReady({ endpoints }: Json): boolean {
  return endpoints?.some(({ conditions }: Json) => conditions.ready && !conditions.terminating) ??
    false;
}

/** What is measured of each wake, in ms. */
interface Wakes {
  readonly patched: number[];
  readonly podReady: number[];
  readonly sliceReady: number[];
}

/** So many rounds for each time that a pod may take to run: what the cluster does next comes at another moment. */
export async function wakeOnCluster(shipped: Shipped, rounds: number): Promise<void> {
  const all: Wakes = { patched: [], podReady: [], sliceReady: [] };
  for (const afterMs of WAKES_AFTER_MS) await wake(shipped, afterMs, rounds, all);
  tell("cluster: cold request sent -> scale patch at the API server", "ms", all.patched);
  tell(`cluster: ${POD_READY}`, "ms", all.podReady);
  tell("cluster: endpoint ready in the API -> held request there", "ms", all.sliceReady);
}

async function wake(shipped: Shipped, afterMs: number, rounds: number, all: Wakes): Promise<void> {
  await using upstream = new ClusterUpstream();
  await using namespace = await TestNamespace.create();
  await using proxy = await RecordingProxy.start(
    await createAccount(namespace, "gateway", EVERYTHING),
  );
  await namespace.deployment("m", upstream.pod(afterMs));
  await using pod = new FirstReady(namespace, "/api/v1", "pods", podIsReady);
  await using slice = new FirstReady(
    ...[namespace, "/apis/discovery.k8s.io/v1", "endpointslices", sliceIsReady] as const,
  );
  await using gateway = await startGateway(namespace, { m: "idleTimeout: 500ms" }, {
    ...{ kubeconfig: proxy.kubeconfig, command: shipped.command() },
  });
  for (let round = 0; round <= rounds; round++) {
    await gateway.until("m", "asleep", 1 + round);
    const before = proxy.calls.length;
    const sentMs = epochMs();
    await (await gateway.chat("m")).text();
    // The first one is for the compiler.
    if (round === 0) continue;
    const patch = proxy.calls.slice(before).find(({ right }) => right.startsWith("patch "))!;
    all.patched.push(patch.cameMs - sentMs);
    all.podReady.push(upstream.arrivedMs - pod.atMs);
    all.sliceReady.push(upstream.arrivedMs - slice.atMs);
  }
}
