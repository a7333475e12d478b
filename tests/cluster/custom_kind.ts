/** A model that is an object of a custom kind with a `scale` subresource, on a real control plane. */
import { expect } from "expect";
import { patch, replicasOf, startGateway } from "../../src/testing/cluster_gateway.ts";
import { test, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import type { GatewayProcess } from "../../src/testing/gateway_process.ts";

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/**
 * A kind `Engine`, its object `m` at zero, and its operator: each Engine has a Deployment of the same name with
 * as many replicas.
 */
class Operator implements AsyncDisposable {
  #isOver = false;
  #running: Promise<void> | undefined;

  private constructor(readonly namespace: TestNamespace, readonly group: string) {}

  static async start(namespace: TestNamespace, pod: Record<string, string>): Promise<Operator> {
    const operator = new Operator(namespace, `${namespace.name}.example.com`);
    const { api } = namespace;
    await api.call({ verb: "create", method: "POST", path: CRDS, body: operator.#definition() });
    await namespace.deployment("m", pod);
    const root = operator.root;
    // It is served a moment after it is there.
    await eventually(() =>
      namespace.create(root, "engines", {
        ...{ apiVersion: `${operator.group}/v1`, kind: "Engine", metadata: { name: "m" } },
        spec: { replicas: 0 },
      }).then(() => true, () => false)
    );
    operator.#running = operator.#run();
    return operator;
  }

  get root(): string {
    return `/apis/${this.group}/v1`;
  }

  #definition() {
    const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    const spec = { type: "object", properties: { replicas: { type: "integer" } } };
    return {
      metadata: { name: `engines.${this.group}` },
      spec: {
        group: this.group,
        scope: "Namespaced",
        names: { plural: "engines", singular: "engine", kind: "Engine" },
        versions: [{
          ...{ name: "v1", served: true, storage: true },
          schema: { openAPIV3Schema: { type: "object", properties: { spec, status: anything } } },
          subresources: {
            status: {},
            scale: {
              specReplicasPath: ".spec.replicas",
              statusReplicasPath: ".status.replicas",
              labelSelectorPath: ".status.selector",
            },
          },
        }],
      },
    };
  }

  async #run(): Promise<void> {
    const { namespace } = this;
    while (!this.#isOver) {
      const { spec, metadata, status } = await namespace.get(this.root, "engines", "m");
      if (await replicasOf(namespace, "m") !== spec.replicas) {
        await namespace.scale("m", spec.replicas);
      }
      const { replicas = 0 } = (await namespace.get("/apis/apps/v1", "deployments", "m")).status;
      const next = { replicas, observedGeneration: metadata.generation, selector: "app=m" };
      if (JSON.stringify(status) !== JSON.stringify(next)) {
        await patch(namespace, this.root, "engines/m/status", { status: next });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#running;
    const { api } = this.namespace;
    await api.call({ verb: "delete", method: "DELETE", path: `${CRDS}/engines.${this.group}` });
  }
}

function start({ namespace, group }: Operator): Promise<GatewayProcess> {
  const workload = `{ apiVersion: ${group}/v1, kind: Engine, name: m }`;
  return startGateway(namespace, {}, {
    more: `  m: { workload: ${workload}, idleTimeout: 1s }\n`,
  });
}

test("an object of a custom kind is woken, streams, goes back to zero, and to what it had", async () => {
  await using namespace = await TestNamespace.create();
  await using operator = await Operator.start(namespace, { "bed/load": "200ms" });
  await using gateway = await start(operator);
  const response = await gateway.chat("m", { stream: true });
  expect([response.status, (await response.text()).trimEnd().endsWith("data: [DONE]")]).toEqual(
    [200, true],
  );
  await gateway.until("m", "asleep", 1);
  await patch(namespace, operator.root, "engines/m", { spec: { replicas: 2 } });
  await eventually(() => gateway.states("m").includes("idle"));
  await eventually(() => gateway.states("m").at(-1) === "asleep");
  expect((await gateway.chat("m")).status).toBe(200);
  expect((await namespace.get(operator.root, "engines", "m")).spec.replicas).toBe(2);
});

test("why the pods of a custom kind do not start is told in their words", async () => {
  await using namespace = await TestNamespace.create();
  await using operator = await Operator.start(namespace, { "bed/fail": "ImagePullBackOff" });
  await using gateway = await start(operator);
  const response = await gateway.chat("m");
  const { error } = await response.json();
  expect([response.status, error.code]).toEqual([503, "model_unavailable"]);
  expect(error.message).toMatch(/cannot pull its image/);
  await eventually(async () =>
    (await namespace.get(operator.root, "engines", "m")).spec.replicas === 0
  );
});
