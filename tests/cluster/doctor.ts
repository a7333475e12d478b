/** `doctor` as a process, on a real control plane: what it finds, and that what it tells to grant is enough. */
import { expect } from "expect";
import { patch } from "../../src/testing/cluster_gateway.ts";
import { test, TEST_KUBECONFIG, TestNamespace } from "../../src/testing/control_plane.ts";
import { runDoctor } from "../../src/testing/doctor_process.ts";
import { RecordingProxy } from "../../src/testing/recording_proxy.ts";
import { createAccount } from "../../src/testing/service_account.ts";

const RBAC = "/apis/rbac.authorization.k8s.io/v1";

/** Runs it on a config with these models; `report` if it was asked to tell programs. */
async function doctor(
  namespace: TestNamespace,
  models: string,
  { kubeconfig = TEST_KUBECONFIG!, flags = ["--json"] } = {},
) {
  const dir = await Deno.makeTempDir({ prefix: "doctor-" });
  try {
    const file = `${dir}/config.yaml`;
    const cluster = `kubernetes: { kubeconfig: ${kubeconfig}, namespace: ${namespace.name} }\n`;
    await Deno.writeTextFile(file, `${cluster}models:\n${models}`);
    return await runDoctor(file, flags);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

test("doctor names the rights that are missing, and with the rules that it writes all is well", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m");
  const first = { apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"] };
  await using proxy = await RecordingProxy.start(
    await createAccount(namespace, "gateway", [first]),
  );
  const { kubeconfig } = proxy;
  const before = await doctor(namespace, "  m: { deployment: m }\n", { kubeconfig });
  expect(before.code).toBe(1);
  const amiss = before.findings.filter(({ level }) => level !== "ok");
  expect(amiss.map(({ level, text }) => `${level} ${text}`)).toEqual(expect.arrayContaining([
    expect.stringMatching(
      /^error \S+ may not patch deployments\/scale \(apps\) in namespace \S+, for m/,
    ),
    expect.stringMatching(/^warn \S+ may not list, watch events in namespace/),
  ]));
  const rules = [first, ...before.rules[namespace.name]!];
  await patch(namespace, RBAC, "roles/gateway", { rules });
  const after = await doctor(namespace, "  m: { deployment: m }\n", { kubeconfig });
  expect(after.findings.filter(({ level }) => level === "error")).toEqual([]);
  expect([after.code, after.rules]).toEqual([0, {}]);
  // Everything that it looks at is within the rights that the gateway has.
  expect(proxy.refused).toEqual(new Set());
});

test("doctor finds workloads, Services and ports that are not there, and pods that cut answers short", async () => {
  await using namespace = await TestNamespace.create();
  for (const name of ["sound", "other", "port"]) await namespace.deployment(name);
  await patch(namespace, "/api/v1", "services/other", { spec: { selector: { app: "else" } } });
  const { code, findings } = await doctor(
    namespace,
    "  sound: { deployment: sound }\n  port: { deployment: port, service: 'port:8080' }\n" +
      "  other: { deployment: other }\n  absent: { statefulSet: absent }\n",
  );
  expect(code).toBe(1);
  const about = (model: string) =>
    findings.filter((finding) => finding.about === model && finding.level !== "ok")
      .map(({ level, text }) => `${level} ${text}`);
  const cut = expect.stringMatching(/^warn no --shutdown-timeout/);
  const pull =
    "warn container engine asks the registry for stand-in at each start (imagePullPolicy: Always)";
  const place = namespace.name;
  expect(about("sound")).toEqual([cut, pull]);
  expect(about("port")).toEqual([
    ...[cut, pull],
    `error service ${place}/port has no port 8080; its ports: 80 (http)`,
  ]);
  expect(about("other")).toEqual([cut, pull, expect.stringMatching(/selects app=else.*app=other/)]);
  expect(about("absent")).toEqual([
    `error statefulSet ${place}/absent does not exist`,
    `error service ${place}/absent does not exist`,
  ]);
});

test("doctor tells people a line each, and an API server that does not answer", async () => {
  await using namespace = await TestNamespace.create();
  await namespace.deployment("m");
  const { code, text } = await doctor(namespace, "  m: { deployment: m, engine: openai }\n", {
    flags: [],
  });
  expect([code, text]).toEqual([0, expect.stringMatching(/\nok +m: deployment \S+\/m is there\n/)]);
  expect(text).not.toContain("\x1b");
  const gone = await RecordingProxy.start("nobody's");
  const { kubeconfig } = gone;
  await gone.stop();
  const away = await doctor(namespace, "  m: { deployment: m }\n", { kubeconfig, flags: [] });
  expect([away.code, away.text]).toEqual([
    1,
    expect.stringMatching(/^error cluster: the API server at \S+ cannot be reached .*refused/),
  ]);
  await gone[Symbol.asyncDispose]();
});
