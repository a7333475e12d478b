/**
 * What the gateway costs in front of a cluster, that of `$TEST_KUBECONFIG`: a wake beyond what the cluster itself
 * takes, 1,000 models that nobody uses, 500 woken at once. The gateway is the one of the image; the one from source
 * stands beside it where memory is measured. Its argument is the file that gets the figures.
 */
import { dirname } from "node:path";
import { systemClock as clock } from "../../src/platform/clock.ts";
import { systemRandom as random } from "../../src/platform/random.ts";
import { SERVICE_ACCOUNT_DIR } from "../../src/targets/kubernetes/cluster_access.ts";
import { type KubernetesObject, Reflector } from "../../src/targets/kubernetes/reflector.ts";
import { silentLog } from "../../src/telemetry/log.ts";
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
import { beginSection, figures, tell, tellOne } from "./figures.ts";
import { buildImage, type Image } from "../../src/testing/image.ts";
import { asPod } from "./in_pod.ts";
import { processorMs, residentMiB } from "./processor_time.ts";

const WAKES = 20;
const MODELS = 1_000;
const WOKEN = 500;
const QUIET_S = 60;

/** All pods of the benchmark are this one server: it knows when a request is there. */
class Upstream implements AsyncDisposable {
  arrivedMs = 0;
  #server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (request.method === "GET") {
      return new Response(null, { status: request.url.endsWith("/health") ? 200 : 404 });
    }
    this.arrivedMs = epochMs();
    await request.body?.cancel();
    return Response.json({});
  });

  /** Annotations of a pod that is it. */
  get pod(): Record<string, string> {
    return { "bed/forward": `127.0.0.1:${this.#server.addr.port}`, "bed/start": "200ms" };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

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

async function wake(image: Image): Promise<void> {
  await using upstream = new Upstream();
  await using namespace = await TestNamespace.create();
  await using proxy = await RecordingProxy.start(
    await createAccount(namespace, "gateway", EVERYTHING),
  );
  await namespace.deployment("m", upstream.pod);
  await using pod = new FirstReady(namespace, "/api/v1", "pods", podIsReady);
  await using slice = new FirstReady(
    ...[namespace, "/apis/discovery.k8s.io/v1", "endpointslices", sliceIsReady] as const,
  );
  await using gateway = await startGateway(namespace, { m: "idleTimeout: 500ms" }, {
    ...{ kubeconfig: proxy.kubeconfig, command: image.command(dirname(proxy.kubeconfig)) },
  });
  const patched: number[] = [], podReady: number[] = [], sliceReady: number[] = [];
  for (let round = 0; round <= WAKES; round++) {
    await gateway.until("m", "asleep", 1 + round);
    const before = proxy.calls.length;
    const sentMs = epochMs();
    await (await gateway.chat("m")).text();
    // The first one is for the compiler.
    if (round === 0) continue;
    const patch = proxy.calls.slice(before).find(({ right }) => right.startsWith("patch "))!;
    patched.push(patch.cameMs - sentMs);
    podReady.push(upstream.arrivedMs - pod.atMs);
    sliceReady.push(upstream.arrivedMs - slice.atMs);
  }
  tell("cluster: cold request sent -> scale patch at the API server", "ms", patched);
  tell("cluster: pod ready in the API -> held request there", "ms", podReady);
  tell("cluster: endpoint ready in the API -> held request there", "ms", sliceReady);
}

/** What is the same for all that is measured in front of many models. */
interface Crowd {
  readonly namespace: TestNamespace;
  readonly names: readonly string[];
  readonly models: Readonly<Record<string, string>>;
  readonly image: Image;
}

async function manyModels(image: Image): Promise<void> {
  await using upstream = new Upstream();
  await using namespace = await TestNamespace.create();
  const names = Array.from({ length: MODELS }, (_, i) => `m${i}`);
  console.log(`cluster: making ${MODELS} Deployments`);
  await Promise.all(names.map((name) => namespace.deployment(name, upstream.pod)));
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
  await pause(10);
  const calls = proxy.calls.length;
  const before = all.map(([, { pid }]) => processorMs(pid));
  console.log(`cluster: nobody asks for ${QUIET_S} s`);
  await pause(QUIET_S);
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

async function pause(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
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
await wake(image);
await manyModels(image);
if (Deno.args[0]) await Deno.writeTextFile(Deno.args[0], JSON.stringify(figures()));
