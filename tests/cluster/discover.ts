/** `discover` and `doctor` on a real control plane with an HPA and KEDA's kind in it; what is drafted serves. */
import { expect } from "expect";
import { APPS, patch } from "../../src/testing/cluster_gateway.ts";
import { test, TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { runDoctor } from "../../src/testing/doctor_process.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import { RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { createAccount } from "../../src/testing/service_account.ts";
import { programCommand } from "../../src/testing/program.ts";

const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const KEDA = "/apis/keda.sh/v1alpha1";

async function discover(
  flags: readonly string[],
  kubeconfig = TEST_KUBECONFIG!,
): Promise<[code: number, out: string, err: string]> {
  const { code, stdout, stderr } = await programCommand(["discover", ...flags], {
    env: { KUBECONFIG: kubeconfig, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return [code, decoder.decode(stdout), decoder.decode(stderr)];
}

/** A vLLM in the words of its template; what runs is the stand-in. */
async function vllm(namespace: TestNamespace, name: string, args: string[]): Promise<void> {
  await namespace.deployment(name, { "bed/load": "100ms" });
  const image = "vllm/vllm-openai:v0.11.0";
  await patch(namespace, APPS, `deployments/${name}`, [
    { op: "add", path: "/spec/template/spec/containers/0/args", value: args },
    { op: "replace", path: "/spec/template/spec/containers/0/image", value: image },
  ]);
}

/** KEDA's kind, as far as it is looked at; there is nobody who acts upon it. */
async function scaledObjects(namespace: TestNamespace): Promise<AsyncDisposable> {
  const { api } = namespace;
  const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const body = {
    metadata: { name: "scaledobjects.keda.sh" },
    spec: {
      ...{ group: "keda.sh", scope: "Namespaced" },
      names: { plural: "scaledobjects", singular: "scaledobject", kind: "ScaledObject" },
      versions: [{
        ...{ name: "v1alpha1", served: true, storage: true },
        schema: { openAPIV3Schema: { type: "object", properties: { spec: anything } } },
      }],
    },
  };
  await api.call({ verb: "create", method: "POST", path: CRDS, body });
  return {
    async [Symbol.asyncDispose]() {
      await api.call({
        ...{ verb: "delete", method: "DELETE", path: `${CRDS}/scaledobjects.keda.sh` },
      });
    },
  };
}

const target = (name: string) => ({ apiVersion: "apps/v1", kind: "Deployment", name });

test("discover drafts a config of what is there, with reasons, and what it drafts is valid and serves", async () => {
  await using namespace = await TestNamespace.create();
  const { name: place } = namespace;
  await using _kind = await scaledObjects(namespace);
  await vllm(namespace, "qwen", ["Qwen/Qwen3-8B", "--served-model-name", "qwen3-8b", "qwen"]);
  await vllm(namespace, "keda", ["k"]);
  await vllm(namespace, "hidden", ["h"]);
  await namespace.delete("/api/v1", "services", "hidden");
  await namespace.deployment("web");
  await namespace.create("/apis/autoscaling/v2", "horizontalpodautoscalers", {
    metadata: { name: "h" },
    spec: { scaleTargetRef: target("qwen"), minReplicas: 1, maxReplicas: 3 },
  });
  await eventually(() =>
    namespace.create(KEDA, "scaledobjects", {
      ...{ apiVersion: "keda.sh/v1alpha1", kind: "ScaledObject", metadata: { name: "so" } },
      spec: { scaleTargetRef: { name: "keda" } },
    }).then(() => true, () => false)
  );
  const [code, text, err] = await discover(["--namespace", place]);
  expect([code, err]).toEqual([0, ""]);
  expect(text.replace(/^#.*\n/gm, "").trim()).toBe(`models:
  # vllm in container engine
  # HorizontalPodAutoscaler h scales it from 1 to 3 while it is up
  qwen3-8b:
    aliases: [qwen]
    deployment: ${place}/qwen`);
  expect(text.replaceAll(/\n# (?=\S)/g, " ")).toContain(
    `LEFT OUT: deployment ${place}/keda: KEDA's ScaledObject ${place}/so wakes it and puts it to sleep by itself: ` +
      "delete that first",
  );
  expect(text.replaceAll(/\n# (?=\S)/g, " ")).toContain(
    `LEFT OUT: deployment ${place}/hidden: no Service leads to its pods: make one, e.g. kubectl expose deployment ` +
      `-n ${place} hidden --port 80 --target-port 8000`,
  );
  const models = `  k: { deployment: ${place}/keda }\n${
    text.slice(text.indexOf("models:\n") + 8)
  }\n`;
  await using gateway = await GatewayProcess.start(models, {
    routes: `kubernetes: { kubeconfig: ${TEST_KUBECONFIG} }\n`,
  });
  const response = await gateway.chat("qwen");
  expect([response.status, await response.text()]).toEqual([200, expect.anything()]);
  const { findings } = await runDoctor(gateway.file);
  expect(findings.map(({ level, about, text }) => `${level} ${about}: ${text}`)).toEqual(
    expect.arrayContaining([
      `warn k: KEDA's ScaledObject ${place}/so wakes it and puts it to sleep by itself, against the gateway`,
      `ok qwen3-8b: HorizontalPodAutoscaler ${place}/h scales it from 1 to 3 while it is up, and rests while it is at zero`,
    ]),
  );
});

test("discover needs no more than to list, changes nothing, and tells programs", async () => {
  await using namespace = await TestNamespace.create();
  await vllm(namespace, "a", ["a"]);
  const token = await createAccount(namespace, "reader", [{
    ...{ apiGroups: ["apps", ""], resources: ["deployments", "services"], verbs: ["list"] },
  }]);
  await using proxy = await RecordingProxy.start(token);
  const flags = ["--json", "--namespace", namespace.name];
  const [code, out] = await discover(flags, proxy.kubeconfig);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    config: { models: { a: { deployment: `${namespace.name}/a` } } },
    models: [{ name: "a", notes: ["vllm in container engine"] }],
    leftOut: [],
    notes: [
      "horizontalpodautoscalers may not be listed: what they change is not told here",
      "scaledobjects may not be listed: what they change is not told here",
    ],
  });
  expect(proxy.refused).toEqual(new Set());
  expect([...proxy.used].filter((right) => right !== "").every((right) => /^list /.test(right)))
    .toBe(true);
  const [empty, nothing, words] = await discover(["--namespace", "kube-public"]);
  expect([empty, nothing, words]).toEqual([
    1,
    "",
    expect.stringMatching(/^Nothing was found in kube-public that could be a model/),
  ]);
});
