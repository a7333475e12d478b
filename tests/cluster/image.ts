/** The image's files in a bare root, as a pod in front of a real control plane: its service account is all it has. */
import { expect } from "expect";
import { replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { ImageRoot, noImageRoot } from "../../src/testing/image_root.ts";
import {
  createAccount,
  deliveredRole,
  readTestCluster,
} from "../../src/testing/service_account.ts";

const reason = noImageRoot();
if (reason) console.warn(`skipped: the image in a bare root: ${reason}`);

const run: typeof test = reason ? (name) => Deno.test.ignore(name, () => {}) : test;

run(
  "the image as a pod with the delivered Role wakes, streams, puts to sleep, and leaves",
  async () => {
    await using namespace = await TestNamespace.create();
    await namespace.deployment("m", { "bed/load": "300ms" });
    await using root = await ImageRoot.create();
    const [token, { server, ca }] = await Promise.all([
      createAccount(namespace, "gateway", await deliveredRole()),
      readTestCluster(),
    ]);
    const serviceAccount = await Deno.makeTempDir({ prefix: "service-account-" });
    await Deno.chmod(serviceAccount, 0o755);
    const files = { token, "ca.crt": ca, namespace: namespace.name };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${serviceAccount}/${name}`, text);
    }
    const { hostname, port } = new URL(server);
    const command = await root.command({
      serviceAccount,
      env: {
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port || "443",
        POD_NAME: "gateway-0",
      },
    });
    {
      await using gateway = await startGateway(namespace, { m: "idleTimeout: 1s" }, {
        ...{ kubeconfig: "", command },
      });
      const response = await gateway.chat("m", { stream: true });
      expect([response.status, (await response.text()).trimEnd().endsWith("data: [DONE]")])
        .toEqual([200, true]);
      await eventually(async () => await replicasOf(namespace, "m") === 0, 20_000);
      await eventually(() => gateway.states("m").at(-1) === "asleep");
      const leases = await namespace.list("/apis/coordination.k8s.io/v1", "leases");
      expect(leases.map(({ spec }) => spec.holderIdentity)).toEqual([
        expect.stringMatching(/^gateway-0/),
      ]);
      expect(gateway.lines.filter(({ level }) => level === "error")).toEqual([]);
      expect(JSON.stringify(gateway.lines)).not.toMatch(/NotCapable|Requires .* access/);
      expect((await gateway.stop()).code).toBe(0);
    }
    expect(await namespace.list("/apis/coordination.k8s.io/v1", "leases")).toEqual([]);
    await Deno.remove(serviceAccount, { recursive: true });
  },
);
