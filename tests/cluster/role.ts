/** A gateway with just the rights that it is given, on a real control plane: none is too few, and each is missed. */
import { expect } from "expect";
import { replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import type { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { modelSpec } from "../../src/testing/requests.ts";
import { createAccount, deliveredRole } from "../../src/testing/service_account.ts";
import type { WorkloadModel } from "../../src/targets/kubernetes/kinds.ts";
import {
  type Permission,
  permissionsOf,
  type Rule,
  rulesOf,
} from "../../src/targets/kubernetes/permissions.ts";

const QUICK = { "bed/load": "100ms" };

/** What a Deployment behind its Service needs; a Role says the same of any namespace. */
const NEEDED = permissionsOf(
  [modelSpec("m", { scale: { kind: "deployment", name: "m" } }) as WorkloadModel],
  { namespace: "", resourceOf: () => ({ apiVersion: "apps/v1", plural: "deployments" }) },
);

function textOf({ verb, resource, apiGroup }: Permission): string {
  return `${verb} ${resource}${apiGroup && `.${apiGroup}`}`;
}

function roleOf(permissions: readonly Permission[]): Rule[] {
  return rulesOf(permissions).get("")!;
}

interface World extends AsyncDisposable {
  readonly namespace: TestNamespace;
  readonly proxy: RecordingProxy;
}

/** A namespace with a Deployment `m` at zero, and a way to it with the rights of `rules`. */
async function world(rules: readonly Rule[], pods = QUICK): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const namespace = stack.use(await TestNamespace.create());
  await namespace.deployment("m", pods);
  const proxy = stack.use(
    await RecordingProxy.start(await createAccount(namespace, "gateway", rules)),
  );
  const all = stack.move();
  return { namespace, proxy, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function streams(gateway: GatewayProcess, model: string): Promise<boolean> {
  const response = await gateway.chat(model, { stream: true });
  const text = await response.text();
  return response.status === 200 && text.trimEnd().endsWith("data: [DONE]");
}

test("the Role that we deliver is enough to wake, stream, sleep and wake, and has nothing to spare", async () => {
  await using all = await world(await deliveredRole());
  const { namespace, proxy } = all;
  await namespace.statefulSet("s", QUICK);
  {
    await using gateway = await startGateway(namespace, {
      m: "idleTimeout: 1s",
      s: "statefulSet: s, idleTimeout: 1s",
    }, { kubeconfig: proxy.kubeconfig });
    for (const model of ["m", "s"]) {
      expect(await streams(gateway, model)).toBe(true);
      await gateway.until(model, "asleep");
      await eventually(() => gateway.states(model).at(-1) === "asleep");
      expect(await streams(gateway, model)).toBe(true);
    }
  }
  expect(proxy.refused).toEqual(new Set());
  const needed = NEEDED.map(textOf);
  expect([...proxy.used].sort()).toEqual([
    ...needed,
    ...needed.filter((right) => right.includes("deployments"))
      .map((right) => right.replace("deployments", "statefulsets")),
  ].sort());
});

/** What the API server says when `right` is missing, and we hand on. */
function wordsOf({ verb, resource, apiGroup }: Permission, { name }: TestNamespace): string {
  return `cannot ${verb} resource "${resource}" in API group "${apiGroup}" in the namespace "${name}"`;
}

function logged(gateway: GatewayProcess, words: string): boolean {
  return gateway.lines.some(({ level, reason }) =>
    level !== "info" && String(reason).includes(words)
  );
}

for (const right of NEEDED) {
  const role = () => roleOf(NEEDED.filter((each) => each !== right));
  const isForSleep = /^(deployments\/status|leases)$/.test(right.resource);
  if (right.verb === "delete") {
    test(`without ${textOf(right)} a gateway that leaves says what to grant`, async () => {
      await using all = await world(role());
      const { namespace, proxy } = all;
      await using gateway = await startGateway(namespace, { m: "" }, {
        kubeconfig: proxy.kubeconfig,
      });
      expect(await streams(gateway, "m")).toBe(true);
      gateway.signal("SIGTERM");
      await eventually(() => logged(gateway, wordsOf(right, namespace)), 20_000);
      expect(proxy.refused).toEqual(new Set([textOf(right)]));
    });
  } else if (right.needed === "for causes" || isForSleep) {
    test(`without ${textOf(right)} a model is woken, and the log says what to grant`, async () => {
      await using all = await world(role());
      const { namespace, proxy } = all;
      await using gateway = await startGateway(
        namespace,
        { m: `idleTimeout: ${isForSleep ? "1s" : "1m"}` },
        { kubeconfig: proxy.kubeconfig },
      );
      expect(await streams(gateway, "m")).toBe(true);
      await eventually(() => logged(gateway, wordsOf(right, namespace)), 20_000);
      expect(proxy.refused).toEqual(new Set([textOf(right)]));
      // Who cannot ask the other gateways stops nothing.
      if (right.resource === "leases") expect(gateway.states("m")).not.toContain("stopping");
    });
  } else {
    test(`without ${textOf(right)} whoever waits is told what to grant`, async () => {
      // It takes so long that nobody would wait for it.
      await using all = await world(role(), { "bed/load": "5m" });
      const { namespace, proxy } = all;
      await using gateway = await startGateway(namespace, { m: "" }, {
        kubeconfig: proxy.kubeconfig,
      });
      const response = await gateway.chat("m");
      const { error } = await response.json();
      expect([response.status, error.code]).toEqual([503, "model_unavailable"]);
      expect(error.message).toMatch(/grant/);
      expect(error.message).toContain(wordsOf(right, namespace));
      await eventually(async () => await replicasOf(namespace, "m") === 0);
      expect(proxy.refused).toEqual(new Set([textOf(right)]));
    });
  }
}

test("a fixed upstream needs no rights on Services and EndpointSlices", async () => {
  const rights = NEEDED.filter(({ resource }) => !/^(services|endpointslices)$/.test(resource));
  await using all = await world(roleOf(rights));
  const { namespace, proxy } = all;
  const { spec } = await namespace.get("/api/v1", "services", "m");
  {
    await using gateway = await startGateway(namespace, {
      m: `idleTimeout: 1s, upstream: "http://${spec.clusterIP}:80"`,
    }, { kubeconfig: proxy.kubeconfig });
    expect(await streams(gateway, "m")).toBe(true);
    await gateway.until("m", "asleep");
    await eventually(() => gateway.states("m").at(-1) === "asleep");
    expect(await streams(gateway, "m")).toBe(true);
  }
  expect(proxy.refused).toEqual(new Set());
  expect([...proxy.used].sort()).toEqual(rights.map(textOf).sort());
});
