/** The examples of deploy/: a real API server takes them, doctor finds nothing wrong, discover drafts a config of them. */
import { expect } from "expect";
import { parseAllDocuments } from "yaml";
import { createObject, DRY_RUN, enforce, tryPod } from "../../src/testing/cluster_objects.ts";
import { test, TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { GatewayProcess } from "../../src/testing/gateway_process.ts";
import type { Finding } from "../../src/targets/finding.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

// deno-lint-ignore no-explicit-any
type Json = any;

async function examples(file: string, { name }: TestNamespace): Promise<Json[]> {
  const text = await Deno.readTextFile(`${ROOT}deploy/examples/${file}`);
  return parseAllDocuments(text, { merge: true }).map((each) => each.toJS())
    .map((object) => ({ ...object, metadata: { ...object.metadata, namespace: name } }));
}

const DEPLOYMENTS = ["vllm-one-gpu.yaml", "vllm-multi-gpu.yaml", "vllm-cpu.yaml"];

/** A node where all of them have room. */
async function gpuNode({ api, name }: TestNamespace): Promise<AsyncDisposable> {
  const node = `gpu-${name}`;
  await api.call({
    ...{ verb: "create", method: "POST", path: "/api/v1/nodes" },
    body: { metadata: { name: node, annotations: { "bed/node": "nvidia.com/gpu=8" } } },
  });
  return {
    async [Symbol.asyncDispose]() {
      await api.call({ verb: "delete", method: "DELETE", path: `/api/v1/nodes/${node}` });
    },
  };
}

/** Makes all of `files`, asleep, with pods that the stand-in of a node can be. */
async function makeAsleep(namespace: TestNamespace, files: readonly string[]): Promise<void> {
  for (const object of (await Promise.all(files.map((file) => examples(file, namespace)))).flat()) {
    if (object.kind === "Deployment") {
      // Whoever applies it again would wake it, or put it to sleep.
      expect(object.spec).not.toHaveProperty("replicas");
      object.spec.replicas = 0;
      object.spec.template.metadata.annotations = { "bed/port": "auto", "bed/load": "100ms" };
    }
    await createObject(namespace, object);
  }
}

/** What one of our commands prints, and tells besides; it must go well. */
async function ours(...args: string[]): Promise<[out: string, told: string]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", `${ROOT}main.ts`, ...args],
    env: { KUBECONFIG: TEST_KUBECONFIG!, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  const told = decoder.decode(stderr);
  expect([args, code, told]).toEqual([args, 0, told]);
  return [decoder.decode(stdout), told];
}

/** What the README says to do in a cluster, in its order; `file`: of the draft. */
async function installed({ name }: TestNamespace, file: string): Promise<Json> {
  const [draft, told] = await ours("discover", "--namespace", name);
  expect(told).toBe("");
  await Deno.writeTextFile(file, draft);
  const [report] = await ours("doctor", "--config", file, "--json");
  const [objects] = await ours("manifests", "--config", file, "--namespace", name, "--json");
  const { findings } = JSON.parse(report);
  return { draft, findings, objects: JSON.parse(objects).items };
}

test("the README's way from the examples to a gateway: a valid draft, nothing for doctor to say, objects to apply", async () => {
  await using namespace = await TestNamespace.create();
  await using _node = await gpuNode(namespace);
  await makeAsleep(namespace, [...DEPLOYMENTS, "hpa.yaml"]);
  const place = namespace.name;
  const dir = await Deno.makeTempDir({ prefix: "examples-" });
  try {
    const { draft, findings, objects } = await installed(namespace, `${dir}/config.yaml`);
    expect(draft).not.toContain("LEFT OUT");
    expect(draft.replaceAll(/^ *#.*\n/gm, "").trim()).toBe(`models:
  qwen2.5-0.5b:
    deployment: ${place}/vllm-cpu
  llama-3.3-70b:
    deployment: ${place}/vllm-llama-70b
  qwen3-8b:
    deployment: ${place}/vllm-qwen3-8b`);
    await ours("validate", `${dir}/config.yaml`);
    expect(findings.filter(({ level }: Finding) => level !== "ok")).toEqual([]);
    const texts = findings.map(({ about, text }: Finding) => `${about}: ${text}`);
    expect(texts).toEqual(expect.arrayContaining([
      "qwen3-8b: its pods have 90 s to end their answers",
      `qwen3-8b: HorizontalPodAutoscaler ${place}/vllm-qwen3-8b scales it from 1 to 4 while it is up, and rests while it is at zero`,
      `llama-3.3-70b: service ${place}/vllm-llama-70b port 80 leads to its pods`,
    ]));
    for (const object of objects) await createObject(namespace, object, DRY_RUN);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
  // The one whose weights are on the node: claims are bound by nobody here.
  await using gateway = await GatewayProcess.start(
    `  llama-3.3-70b: { deployment: ${place}/vllm-llama-70b }\n`,
    { routes: `kubernetes: { kubeconfig: ${TEST_KUBECONFIG} }\n` },
  );
  const answer = await gateway.chat("llama-3.3-70b");
  expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)]);
});

test("the examples whose weights are on a claim run where Pod Security is `baseline`", async () => {
  await using namespace = await TestNamespace.create();
  await enforce(namespace, "baseline");
  for (const file of ["vllm-one-gpu.yaml", "vllm-cpu.yaml"]) {
    const objects = await examples(file, namespace);
    for (const object of objects) await createObject(namespace, object, DRY_RUN);
    await tryPod(namespace, objects.at(-1).spec.template.spec);
  }
});

test("the pods of the example of several nodes are taken by the API server, its Service too", async () => {
  await using namespace = await TestNamespace.create();
  console.log("left out: LeaderWorkerSet itself, whose kind is not in this cluster");
  const [service, { spec }] = await examples("vllm-multi-node.yaml", namespace);
  await createObject(namespace, service, DRY_RUN);
  expect(spec).not.toHaveProperty("replicas");
  const { leaderTemplate, workerTemplate } = spec.leaderWorkerTemplate;
  for (const template of [leaderTemplate, workerTemplate]) await tryPod(namespace, template.spec);
});
