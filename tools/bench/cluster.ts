/**
 * What the gateway costs in front of a cluster, that of `$TEST_KUBECONFIG`: a wake beyond what the cluster itself
 * takes, 1, 2 and 4 gateways as one, 1,000 models that nobody uses, 500 woken at once. The gateway is the one of the
 * image; the one from source stands beside it where memory is measured. Its argument is the file that gets the figures.
 */
import { dirname } from "node:path";
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import { SERVICE_ACCOUNT_DIR } from "../../src/targets/kubernetes/cluster_access.ts";
import { startGateway } from "../../src/testing/cluster_gateway.ts";
import { TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
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
import { beginSection, figures, tellOne } from "./figures.ts";
import { buildImage, type Image } from "../../src/testing/image.ts";
import { asPod } from "./in_pod.ts";
import { processorMs, residentMiB } from "./processor_time.ts";

const MODELS = 1_000;
const WOKEN = 500;
const QUIET_S = 60;

/** What is the same for all that is measured in front of many models. */
interface Crowd {
  readonly namespace: TestNamespace;
  readonly names: readonly string[];
  readonly models: Readonly<Record<string, string>>;
  readonly image: Image;
}

async function manyModels(image: Image): Promise<void> {
  await using upstream = new ClusterUpstream();
  await using namespace = await TestNamespace.create();
  const names = Array.from({ length: MODELS }, (_, i) => `m${i}`);
  console.log(`cluster: making ${MODELS} Deployments`);
  await Promise.all(names.map((name) => namespace.deployment(name, upstream.pod())));
  // The controllers take their time; the gateway would hear of each thing they do.
  await eventually(async () => {
    const all = await namespace.list("/apis/apps/v1", "deployments");
    return all.every(({ status, metadata }) => status.observedGeneration === metadata.generation);
  }, 300_000);
  const models = Object.fromEntries(names.map((name) => [name, "idleTimeout: 1h"]));
  const crowd = { namespace, names, models, image };
  await using proxy = await RecordingProxy.start(
    await createAccount(namespace, "gateway", EVERYTHING),
  );
  await using gateway = await startGateway(namespace, models, {
    ...{ kubeconfig: proxy.kubeconfig, command: image.command(dirname(proxy.kubeconfig)) },
  });
  await nobodyAsks(crowd, gateway, proxy);
  await wokenAtOnce(crowd, gateway, proxy);
}

async function nobodyAsks(
  { namespace, models, image }: Crowd,
  proxied: GatewayProcess,
  proxy: RecordingProxy,
): Promise<void> {
  await using pod = await asPod(namespace);
  const inPod = (command: GatewayCommand) =>
    startGateway(namespace, models, { kubeconfig: "", command: pod.command(command) });
  await using shipped = await inPod(image.command(SERVICE_ACCOUNT_DIR));
  await using source = await inPod(FROM_SOURCE);
  const gateways = {
    "as the image, in a pod": shipped,
    "from source, in a pod": source,
    "as the image, kubeconfig": proxied,
  };
  const all = Object.entries(gateways);
  await eventually(() => all.every(([, each]) => hasSeen(each)), 60_000);
  await pause(10_000, clock);
  const calls = proxy.calls.length;
  const before = all.map(([, { pid }]) => processorMs(pid));
  console.log(`cluster: nobody asks for ${QUIET_S} s`);
  await pause(QUIET_S * 1000, clock);
  all.forEach(([name, { pid }], i) => {
    const share = (processorMs(pid) - before[i]!) / (QUIET_S * 10);
    const what = `cluster: ${MODELS} models, ${name}`;
    tellOne(what, `${residentMiB(pid).toFixed(1)} MiB resident, ${share.toFixed(2)} % of a core`);
  });
  const watches = [...proxy.used].filter((right) => right.startsWith("watch "));
  const ofThem = proxy.calls.length - calls;
  tellOne(
    `cluster: ${MODELS} models, API calls of ${watches.length} watches in ${QUIET_S} s`,
    `${ofThem}`,
  );
}

/** It knows of every model that it is asleep. */
function hasSeen({ lines }: GatewayProcess): boolean {
  return lines.filter(({ msg }) => msg === "asleep").length >= MODELS;
}

async function wokenAtOnce(
  { names }: Crowd,
  gateway: GatewayProcess,
  proxy: RecordingProxy,
): Promise<void> {
  const before = proxy.calls.length;
  const cpuMs = processorMs(gateway.pid);
  const sentMs = epochMs();
  const statuses = await Promise.all(
    names.slice(0, WOKEN).map(async (name) => {
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
await using image = await buildImage();
await wakeOnCluster(image, 7);
await gatewaysOnCluster(image, 5);
await manyModels(image);
if (Deno.args[0]) await Deno.writeTextFile(Deno.args[0], JSON.stringify(figures()));
