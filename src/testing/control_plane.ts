/** A real control plane for tests, by `$TEST_KUBECONFIG` only: the tests create and delete namespaces. */
import { systemClock as clock } from "../platform/clock.ts";
import { createFetch } from "../platform/fetch.ts";
import { systemFiles } from "../platform/files.ts";
import { systemRandom as random } from "../platform/random.ts";
import { KubernetesApi, MERGE_PATCH } from "../targets/kubernetes/api.ts";
import type { ClusterAccess } from "../targets/kubernetes/cluster_access.ts";
import { byKubeconfig } from "../targets/kubernetes/kubeconfig.ts";
import { eventually } from "./eventually.ts";

/** The kubeconfig of a cluster that tests may use. */
export const TEST_KUBECONFIG = Deno.env.get("TEST_KUBECONFIG");

/** What its pods run, where they are containers; the port is 8000. */
const IMAGE = Deno.env.get("TEST_ENGINE_IMAGE") ?? "stand-in";

if (!TEST_KUBECONFIG) {
  console.warn(
    "skipped: set TEST_KUBECONFIG to a cluster where tests may make and delete namespaces",
  );
}

/** A test that needs the cluster: ignored where there is none. */
export const test: (name: string, run: () => Promise<void>) => void = TEST_KUBECONFIG
  ? Deno.test
  : Deno.test.ignore;

// deno-lint-ignore no-explicit-any
type Json = any;

/** One namespace of its own, deleted in the end with all that is in it. */
export class TestNamespace implements AsyncDisposable {
  private constructor(
    readonly access: ClusterAccess,
    readonly api: KubernetesApi,
    readonly name: string,
  ) {}

  static async create(): Promise<TestNamespace> {
    const access = await byKubeconfig({
      ...{ paths: [TEST_KUBECONFIG!], context: undefined, files: systemFiles, createFetch },
    });
    const api = new KubernetesApi({ access, clock, random });
    const name = `gateway-${random.uuid().slice(0, 8)}`;
    await api.call({
      ...{ verb: "create", method: "POST", path: "/api/v1/namespaces" },
      body: { metadata: { name } },
    });
    // Pods wait for it otherwise, and the first one fails.
    const account = `/api/v1/namespaces/${name}/serviceaccounts/default`;
    await eventually(() => api.call({ verb: "get", path: account }).then(() => true, () => false));
    return new TestNamespace(access, api, name);
  }

  /** Creates an object below `/apis/apps/v1/namespaces/NAME/` or the like. */
  async create(root: string, plural: string, body: unknown): Promise<Json> {
    const path = `${root}/namespaces/${this.name}/${plural}`;
    return await this.api.call({ verb: "create", method: "POST", path, body });
  }

  async get(root: string, plural: string, name: string): Promise<Json> {
    return await this.api.call({
      verb: "get",
      path: `${root}/namespaces/${this.name}/${plural}/${name}`,
    });
  }

  async list(root: string, plural: string): Promise<Json[]> {
    const path = `${root}/namespaces/${this.name}/${plural}`;
    return (await this.api.call<Json>({ verb: "list", path })).items;
  }

  async delete(root: string, plural: string, name: string): Promise<void> {
    const path = `${root}/namespaces/${this.name}/${plural}/${name}`;
    await this.api.call({ verb: "delete", method: "DELETE", path });
  }

  /** A Deployment at zero and its Service; `pod` are annotations that tell the pods how to behave. */
  deployment(name: string, pod: Record<string, string> = {}, replicas = 0): Promise<void> {
    return this.#workload("deployments", name, { replicas }, pod);
  }

  /** The same, as a StatefulSet. */
  statefulSet(name: string, pod: Record<string, string> = {}, replicas = 0): Promise<void> {
    return this.#workload("statefulsets", name, { replicas, serviceName: name }, pod);
  }

  async #workload(
    plural: string,
    name: string,
    spec: Record<string, unknown>,
    pod: Record<string, string>,
  ): Promise<void> {
    const labels = { app: name };
    await this.create("/apis/apps/v1", plural, {
      metadata: { name },
      spec: {
        ...spec,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels, annotations: { "bed/port": "8000", "bed/start": "50ms", ...pod } },
          spec: {
            terminationGracePeriodSeconds: 2,
            containers: [{
              name: "engine",
              image: IMAGE,
              ports: [{ name: "http", containerPort: 8000 }],
              readinessProbe: { httpGet: { path: "/health", port: 8000 }, periodSeconds: 1 },
            }],
          },
        },
      },
    });
    await this.create("/api/v1", "services", {
      metadata: { name },
      spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: 8000 }] },
    });
  }

  /** Somebody else scales it. */
  async scale(name: string, replicas: number): Promise<void> {
    await this.api.call({
      ...{ verb: "patch", method: "PATCH", contentType: MERGE_PATCH },
      path: `/apis/apps/v1/namespaces/${this.name}/deployments/${name}/scale`,
      body: { spec: { replicas } },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.call({
      ...{ verb: "delete", method: "DELETE", path: `/api/v1/namespaces/${this.name}` },
    });
  }
}
