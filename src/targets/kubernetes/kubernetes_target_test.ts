/** The Kubernetes target under the suite that holds for every target, over a cluster in virtual time. */
import { conformanceTests } from "../../testing/conformance.ts";
import { eventually } from "../../testing/eventually.ts";
import { KubernetesWorld } from "../../testing/kubernetes_world.ts";
import { FAIR_PACE } from "../../testing/virtual_cluster.ts";

conformanceTests("virtual kubernetes", async ({ kind }) => {
  const world = new KubernetesWorld();
  const { clock, cluster } = world;
  cluster.create("m");
  if (kind === "stubborn") {
    cluster.pace = { ...FAIR_PACE, loadMs: () => 8_000, graceMs: () => 4_000 };
  }
  if (kind === "broken") cluster.pace = { ...FAIR_PACE, crashes: () => true };
  const gateway = world.gateway();
  const target = gateway.target("m");
  // Whoever waits for the target waits in real time; meanwhile virtual time passes.
  let isOver = false;
  const passing = (async () => {
    while (!isOver) {
      await clock.advance(10);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  })();
  return await Promise.resolve({
    target,
    until: (condition) => eventually(condition),
    async [Symbol.asyncDispose]() {
      await target.close();
      await gateway.kubernetes.close();
      world.close();
      isOver = true;
      await passing;
    },
  });
});
