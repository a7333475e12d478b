/** Models on a cluster that nobody uses: their Deployments, and what a gateway that knows of them holds. */
import { TestNamespace } from "../../src/testing/control_plane.ts";
import { startGateway } from "../../src/testing/cluster_gateway.ts";
import { eventually } from "../../src/testing/eventually.ts";
import type { GatewayProcess } from "../../src/testing/gateway_process.ts";
import type { Shipped } from "./shipped.ts";
import { pause, systemClock as clock } from "../../src/platform/clock.ts";
import type { ClusterUpstream } from "./cluster_upstream.ts";
import { tell } from "./figures.ts";
import { asPod } from "./in_pod.ts";
import { residentMiB } from "./processor_time.ts";

export const FEW = 50;
export const MANY = 1_000;
export const SHIPPED = "as the image, in a pod";
/** From the last word on a model to the measurement: V8 gives back what it took to hear of them all. */
const SETTLED_MS = 45_000;

export function crowdName(models: number, gateway: string, what: string): string {
  return `${models} models, ${gateway}: ${what}`;
}

/** By their names, settings that keep what is woken awake. */
export type Crowd = Readonly<Record<string, string>>;

/** Makes the Deployments of `count` models, and waits for the controllers: the gateway would hear of each thing they do. */
export async function createCrowd(
  namespace: TestNamespace,
  upstream: ClusterUpstream,
  count: number,
): Promise<Crowd> {
  const names = Array.from({ length: count }, (_, i) => `m${i}`);
  console.log(`cluster: making ${count} Deployments`);
  await Promise.all(names.map((name) => namespace.deployment(name, upstream.pod())));
  await eventually(async () => {
    const all = await namespace.list("/apis/apps/v1", "deployments");
    return all.every(({ status, metadata }) => status.observedGeneration === metadata.generation);
  }, 300_000);
  return Object.fromEntries(names.map((name) => [name, "idleTimeout: 1h"]));
}

/** All know of all models that they are asleep, and have nothing more to do. */
export async function quiet(gateways: readonly GatewayProcess[], crowd: Crowd): Promise<void> {
  const count = Object.keys(crowd).length;
  const hasSeen = ({ lines }: GatewayProcess) =>
    lines.filter(({ msg }) => msg === "asleep").length >= count;
  await eventually(() => gateways.every(hasSeen), 60_000);
  await pause(SETTLED_MS, clock);
}

export async function fewModels(shipped: Shipped, upstream: ClusterUpstream): Promise<void> {
  await using namespace = await TestNamespace.create();
  const crowd = await createCrowd(namespace, upstream, FEW);
  await using pod = await asPod(namespace);
  const command = pod.command(shipped.command());
  await using gateway = await startGateway(namespace, crowd, { kubeconfig: "", command });
  await quiet([gateway], crowd);
  tell(`cluster: ${crowdName(FEW, SHIPPED, "resident")}`, "MiB", [residentMiB(gateway.pid)]);
}
