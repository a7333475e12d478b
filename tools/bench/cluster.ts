/**
 * What the gateway costs in front of a cluster, that of `$TEST_KUBECONFIG`: a wake beyond what the cluster itself
 * takes, 1, 2 and 4 gateways as one, 50 and 1,000 models that nobody uses, 500 woken at once. The gateway is the one
 * of the image; the one from source stands beside it where memory is measured. Its argument is the file that gets the
 * figures.
 */
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import { startGateway } from "../../src/testing/cluster_gateway.ts";
import { TestNamespace } from "../../src/testing/control_plane.ts";
import {
  FROM_SOURCE,
  type GatewayCommand,
  type GatewayProcess,
} from "../../src/testing/gateway_process.ts";
import { epochMs, RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { createAccount, EVERYTHING } from "../../src/testing/service_account.ts";
import { gatewaysOnCluster } from "./cluster_gateways.ts";
import { ClusterUpstream } from "./cluster_upstream.ts";
import { wakeOnCluster } from "./cluster_wake.ts";
import { createCrowd, type Crowd, crowdName, fewModels, MANY, quiet, SHIPPED } from "./crowd.ts";
import { beginSection, figures, tell, tellOne } from "./figures.ts";
import { ship, type Shipped } from "./shipped.ts";
import { asPod } from "./in_pod.ts";
import { processorMs, residentMiB } from "./processor_time.ts";

const WOKEN = 500;
const QUIET_S = 60;

/** What is the same for all that is measured in front of many models. */
interface Scene {
  readonly namespace: TestNamespace;
  readonly crowd: Crowd;
  readonly shipped: Shipped;
}

async function manyModels(shipped: Shipped, upstream: ClusterUpstream): Promise<void> {
  await using namespace = await TestNamespace.create();
  const crowd = await createCrowd(namespace, upstream, MANY);
  const scene = { namespace, crowd, shipped };
  await using proxy = await RecordingProxy.start(
    await createAccount(namespace, "gateway", EVERYTHING),
  );
  await using gateway = await startGateway(namespace, crowd, {
    ...{ kubeconfig: proxy.kubeconfig, command: shipped.command() },
  });
  await nobodyAsks(scene, gateway, proxy);
  await wokenAtOnce(scene, gateway, proxy);
}

async function nobodyAsks(
  { namespace, crowd, shipped }: Scene,
  proxied: GatewayProcess,
  proxy: RecordingProxy,
): Promise<void> {
  await using pod = await asPod(namespace);
  const inPod = (command: GatewayCommand) =>
    startGateway(namespace, crowd, { kubeconfig: "", command: pod.command(command) });
  await using alike = await inPod(shipped.command());
  await using source = await inPod(FROM_SOURCE);
  const gateways = {
    [SHIPPED]: alike,
    "from source, in a pod": source,
    "as the image, kubeconfig": proxied,
  };
  const all = Object.entries(gateways);
  await quiet(Object.values(gateways), crowd);
  const calls = proxy.calls.length;
  const before = all.map(([, { pid }]) => processorMs(pid));
  console.log(`cluster: nobody asks for ${QUIET_S} s`);
  await pause(QUIET_S * 1000, clock);
  all.forEach(([name, { pid }], i) => {
    const share = (processorMs(pid) - before[i]!) / (QUIET_S * 10);
    tell(`cluster: ${crowdName(MANY, name, "resident")}`, "MiB", [residentMiB(pid)]);
    tell(`cluster: ${crowdName(MANY, name, "processor time")}`, "% of a core", [share]);
  });
  const watches = [...proxy.used].filter((right) => right.startsWith("watch "));
  const ofThem = proxy.calls.length - calls;
  tellOne(
    `cluster: ${MANY} models, API calls of ${watches.length} watches in ${QUIET_S} s`,
    `${ofThem}`,
  );
}

async function wokenAtOnce(
  { crowd }: Scene,
  gateway: GatewayProcess,
  proxy: RecordingProxy,
): Promise<void> {
  const before = proxy.calls.length;
  const cpuMs = processorMs(gateway.pid);
  const sentMs = epochMs();
  const statuses = await Promise.all(
    Object.keys(crowd).slice(0, WOKEN).map(async (name) => {
      const response = await gateway.chat(name);
      await response.text();
      return response.status;
    }),
  );
  const tookMs = epochMs() - sentMs;
  const calls = proxy.calls.slice(before);
  const what = `cluster: ${WOKEN} models woken at once`;
  tellOne(`${what}, answered 200`, `${statuses.filter((status) => status === 200).length}`);
  tellOne(`${what}, all answered after`, `${(tookMs / 1000).toFixed(1)} s`);
  const patches = calls.filter(({ right }) => right.startsWith("patch deployments/scale"));
  const lastMs = Math.max(...patches.map(({ cameMs }) => cameMs));
  tellOne(`${what}, last scale patch after`, `${((lastMs - sentMs) / 1000).toFixed(2)} s`);
  const counts = Map.groupBy(calls, ({ right }) => right);
  for (const [right, { length }] of counts) tellOne(`${what}, calls: ${right}`, `${length}`);
  const busy = calls.filter(({ status }) => status === 429).length;
  tellOne(`${what}, calls answered 429`, `${busy}`);
  const cpuS = (processorMs(gateway.pid) - cpuMs) / 1000;
  tellOne(`${what}, processor time`, `${cpuS.toFixed(2)} s`);
}

beginSection("cluster");
await using shipped = await ship();
await wakeOnCluster(shipped, 7);
await gatewaysOnCluster(shipped, 5);
await using upstream = new ClusterUpstream();
await fewModels(shipped, upstream);
await manyModels(shipped, upstream);
if (Deno.args[0]) await Deno.writeTextFile(Deno.args[0], JSON.stringify(figures()));
