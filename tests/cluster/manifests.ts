/** What `manifests` prints is taken by a real API server, and its Roles are enough, with nothing to spare. */
import { expect } from "expect";
import { startGateway } from "../../src/testing/cluster_gateway.ts";
import { createObject, DRY_RUN, enforce, tryPod } from "../../src/testing/cluster_objects.ts";
import { test, TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { eventually } from "../../src/testing/eventually.ts";
import { RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { type Rule, tokenOf } from "../../src/testing/service_account.ts";
import { programCommand } from "../../src/testing/program.ts";

const QUICK = { "bed/load": "100ms" };
const KINDS = [
  ...["ConfigMap", "Deployment", "PodDisruptionBudget", "Role", "RoleBinding", "Service"],
  "ServiceAccount",
];

// deno-lint-ignore no-explicit-any
type Json = any;

async function manifests(text: string, namespace: string): Promise<Json[]> {
  const dir = await Deno.makeTempDir({ prefix: "manifests-" });
  try {
    await Deno.writeTextFile(`${dir}/config.yaml`, text);
    const args = [
      "manifests",
      "--json",
      "--config",
      `${dir}/config.yaml`,
      "--namespace",
      namespace,
    ];
    const { stdout } = await programCommand(args, {
      env: { KUBECONFIG: TEST_KUBECONFIG! },
      stderr: "null",
    }).output();
    return JSON.parse(new TextDecoder().decode(stdout)).items;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function rights(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ apiGroups: [group], resources, verbs }) =>
    resources.flatMap((resource) =>
      verbs.map((verb) => `${verb} ${resource}${group && `.${group}`}`)
    )
  );
}

test("what `manifests` prints is taken by the API server, restricted pods and all", async () => {
  await using namespace = await TestNamespace.create();
  await enforce(namespace, "restricted");
  const objects = await manifests("models: { m: { deployment: m } }\n", namespace.name);
  expect(objects.map(({ kind }) => kind).sort()).toEqual(KINDS);
  for (const object of objects) {
    const { kind } = await createObject(namespace, object, DRY_RUN);
    expect(kind).toBe(object.kind);
  }
  await tryPod(namespace, objects.find(({ kind }) => kind === "Deployment").spec.template.spec);
});

test("its Roles are enough to wake, stream, sleep and wake in two namespaces, and grant no more than is used", async () => {
  await using own = await TestNamespace.create();
  await using other = await TestNamespace.create();
  await own.statefulSet("s", QUICK);
  await other.deployment("m", QUICK);
  await other.deployment("foreign", QUICK);
  const target = `deployment: ${other.name}/m`;
  const objects = await manifests(
    `models: { m: { ${target} }, s: { statefulSet: s } }\n`,
    own.name,
  );
  for (const object of objects) {
    if (["ServiceAccount", "Role", "RoleBinding"].includes(object.kind)) {
      await createObject(own, object);
    }
  }
  const token = await tokenOf(own, "vllm-autoscaler");
  await using proxy = await RecordingProxy.start(token);
  {
    await using gateway = await startGateway(own, {
      m: `${target}, idleTimeout: 1s`,
      s: "statefulSet: s, idleTimeout: 1s",
    }, { kubeconfig: proxy.kubeconfig });
    for (const model of ["m", "s"]) {
      const answers = async () => {
        const response = await gateway.chat(model, { stream: true });
        return [response.status, (await response.text()).trimEnd().endsWith("data: [DONE]")];
      };
      expect(await answers()).toEqual([200, true]);
      await gateway.until(model, "asleep");
      await eventually(() => gateway.states(model).at(-1) === "asleep");
      expect(await answers()).toEqual([200, true]);
    }
  }
  expect(proxy.refused).toEqual(new Set());
  const roles = objects.filter(({ kind }) => kind === "Role");
  const granted = new Set(roles.flatMap(({ rules }) => rights(rules)));
  expect([...proxy.used].sort()).toEqual([...granted].sort());
});

/** Whether `user` may, as the API server says. */
async function may(
  { api }: TestNamespace,
  user: string,
  question: string,
  namespace: string,
): Promise<boolean> {
  const [verb, place, name] = question.split(" ") as [string, string, string?];
  const [full, group = ""] = place.split(/\.(.*)/s) as [string, string?];
  const [resource, subresource] = full.split("/");
  const { status } = await api.call<{ status: { allowed: boolean } }>({
    ...{ verb: "create", method: "POST" },
    path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    body: {
      spec: {
        user,
        resourceAttributes: { verb, group, resource, subresource, name, namespace },
      },
    },
  });
  return status.allowed;
}

test("its account may not touch what is not the config's", async () => {
  await using own = await TestNamespace.create();
  await using other = await TestNamespace.create();
  const objects = await manifests(
    `models: { m: { deployment: ${other.name}/m } }\n`,
    own.name,
  );
  for (const object of objects) {
    if (object.kind.startsWith("Role")) await createObject(own, object);
  }
  const account = `system:serviceaccount:${own.name}:vllm-autoscaler`;
  const allowed = (question: string, place = other) => may(own, account, question, place.name);
  for (const question of ["get deployments.apps m", "patch deployments/scale.apps m"]) {
    expect([question, await allowed(question)]).toEqual([question, true]);
  }
  const denied = [
    ...["get deployments.apps foreign", "patch deployments/scale.apps foreign"],
    ...["patch deployments.apps m", "update deployments.apps m", "delete deployments.apps m"],
    ...["patch statefulsets/scale.apps m", "list leases.coordination.k8s.io", "get pods p"],
    ...["list secrets", "get configmaps c", "create pods", "delete pods", "create pods/exec p"],
  ];
  for (const question of denied) {
    expect([question, await allowed(question)]).toEqual([question, false]);
  }
  // Where it lives it has a Lease, and no models.
  expect(await allowed("create leases.coordination.k8s.io", own)).toBe(true);
  expect(await allowed("list deployments.apps", own)).toBe(false);
});
