/**
 * 1, 2 and 4 gateways in front of one model of a cluster: that all requests at each of them are answered, how often they
 * scale it, and how long after the last answer they put it to zero, which takes the agreement of all.
 */
import { startGateway } from "../../src/testing/cluster_gateway.ts";
import { TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import type { Shipped } from "./shipped.ts";
import { epochMs, RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { createAccount, EVERYTHING } from "../../src/testing/service_account.ts";
import { ClusterUpstream } from "./cluster_upstream.ts";
import { tell } from "./figures.ts";

const COUNTS = [1, 2, 4];
const IDLE_S = 2;
/** At each gateway. */
const REQUESTS = 5;
const PATIENCE_MS = 30_000;

export async function gatewaysOnCluster(shipped: Shipped, rounds: number): Promise<void> {
  for (const count of COUNTS) await asOne(shipped, count, rounds);
}

async function asOne(shipped: Shipped, count: number, rounds: number): Promise<void> {
  await using all = new AsyncDisposableStack();
  const upstream = all.use(new ClusterUpstream());
  const namespace = all.use(await TestNamespace.create());
  const account = await createAccount(namespace, "gateway", EVERYTHING);
  const proxy = all.use(await RecordingProxy.start(account));
  await namespace.deployment("m", upstream.pod());
  const command = shipped.command();
  const gateways = await Promise.all(Array.from({ length: count }, async () =>
    all.use(
      await startGateway(namespace, { m: `idleTimeout: ${IDLE_S}s` }, {
        ...{ kubeconfig: proxy.kubeconfig, command },
      }),
    )));
  const patches = () => proxy.calls.filter(({ right }) => right.startsWith("patch deployments/"));
  const answered: number[] = [], toZero: number[] = [], scaled: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const isAsleep = () => gateways.every((gateway) => gateway.states("m").at(-1) === "asleep");
    await eventually(isAsleep, PATIENCE_MS);
    const before = patches().length;
    const sentMs = epochMs();
    await Promise.all(
      gateways.flatMap((gateway) =>
        Array.from({ length: REQUESTS }, async () => {
          const response = await gateway.chat("m");
          const text = await response.text();
          if (response.status !== 200) throw new Error(`${count} gateways: ${text}`);
        })
      ),
    );
    const quietMs = epochMs();
    answered.push(quietMs - sentMs);
    await eventually(() => !isAsleep(), PATIENCE_MS);
    await eventually(isAsleep, PATIENCE_MS);
    // Before the one that puts it to zero come those that announce it; others came too late.
    const zero = patches().findLast(({ status }) => status === 200)!;
    toZero.push((zero.cameMs - quietMs) / 1000);
    scaled.push(patches().length - before);
  }
  const what = `cluster: ${count} gateways, one model`;
  tell(`${what}, ${REQUESTS} cold requests at each -> the last is answered`, "ms", answered);
  tell(`${what}, quiet -> patch to zero (idle timeout ${IDLE_S} s)`, "s", toZero);
  tell(`${what}, patches of a wake and a sleep`, "patches", scaled);
}
