import { expect } from "expect";
import { parseAllDocuments } from "yaml";
import { manifestsCommand } from "./manifests.ts";
import type { Terminal } from "./terminal.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

/** What `manifests` makes of a config file with this text, where there is no cluster to ask. */
async function manifests(
  text: string,
  { flags = {}, env = {} }: { flags?: Record<string, unknown>; env?: Record<string, string> } = {},
) {
  const dir = await Deno.makeTempDir({ prefix: "manifests-" });
  const out: string[] = [];
  const err: string[] = [];
  const terminal: Terminal = {
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    ...{ colour: false, outColour: false, isInteractive: false },
    env: { KUBECONFIG: `${dir}/absent`, ...env },
    onSignal: () => ({ [Symbol.dispose]() {} }),
  };
  try {
    const config = `${dir}/config.yaml`;
    await Deno.writeTextFile(config, text);
    const code = await manifestsCommand({ config, version: "1.2.3", terminal, ...flags });
    const printed = out.join("\n");
    const objects: Json[] = code !== 0
      ? []
      : flags.json
      ? JSON.parse(printed).items
      : parseAllDocuments(printed).map((each) => each.toJS());
    const of = (kind: string) => objects.filter((object) => object.kind === kind);
    return { code, printed, objects, of, err: err.join("\n").replaceAll(dir, "DIR") };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const ONE = "models: { m: { deployment: vllm } }\n";

Deno.test("manifestsCommand() prints what runs a gateway, as YAML for people and JSON for programs", async () => {
  const { code, printed, objects, of } = await manifests(ONE, { flags: { namespace: "ai" } });
  expect(code).toBe(0);
  expect(objects.map(({ kind }) => kind)).toEqual([
    ...["ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Deployment", "Service"],
    "PodDisruptionBudget",
  ]);
  expect(new Set(objects.map(({ metadata }) => metadata.namespace))).toEqual(new Set(["ai"]));
  expect(of("ConfigMap")[0].data["config.yaml"]).toBe(ONE);
  expect(printed).toContain("  config.yaml: |\n    models: {");
  expect(printed).toMatch(
    /^# A gateway \(vllm-autoscaler 1\.2\.3\) for config\.yaml, in namespace ai/,
  );
  const [container] = of("Deployment")[0].spec.template.spec.containers;
  expect(container.image).toBe("vllm-autoscaler:1.2.3");
  const json = await manifests(ONE, { flags: { namespace: "ai", json: true } });
  expect(json.objects).toEqual(objects);
});

Deno.test("manifestsCommand() narrows get and patch to the workloads, each Role to its namespace", async () => {
  const { of } = await manifests(
    "models: { m: { deployment: vllm }, n: { statefulSet: ml/big, upstream: 'http://big' } }\n",
    { flags: { namespace: "ai" } },
  );
  expect(of("Role").map(({ metadata, rules }) => [metadata.namespace, metadata.name, rules]))
    .toEqual([
      ["ai", "vllm-autoscaler", [
        {
          ...{ apiGroups: ["apps"], resources: ["deployments"] },
          ...{ resourceNames: ["vllm"], verbs: ["get"] },
        },
        { apiGroups: ["apps"], resources: ["deployments"], verbs: ["list", "watch"] },
        {
          ...{ apiGroups: ["apps"], resources: ["deployments/scale", "deployments/status"] },
          ...{ resourceNames: ["vllm"], verbs: ["patch"] },
        },
        { apiGroups: [""], resources: ["pods", "events", "services"], verbs: ["list", "watch"] },
        {
          ...{ apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"] },
          verbs: ["list", "watch"],
        },
        {
          ...{ apiGroups: ["coordination.k8s.io"], resources: ["leases"] },
          verbs: ["list", "watch", "create", "patch", "delete"],
        },
      ]],
      ["ml", "vllm-autoscaler-ai", [
        {
          ...{ apiGroups: ["apps"], resources: ["statefulsets"] },
          ...{ resourceNames: ["big"], verbs: ["get"] },
        },
        { apiGroups: ["apps"], resources: ["statefulsets"], verbs: ["list", "watch"] },
        {
          ...{ apiGroups: ["apps"], resources: ["statefulsets/scale", "statefulsets/status"] },
          ...{ resourceNames: ["big"], verbs: ["patch"] },
        },
        { apiGroups: [""], resources: ["pods", "events"], verbs: ["list", "watch"] },
      ]],
    ]);
  expect(
    of("RoleBinding").map(({ metadata, roleRef, subjects }) => [
      ...[metadata.namespace, roleRef.name, subjects[0].namespace],
    ]),
  ).toEqual([["ai", "vllm-autoscaler", "ai"], ["ml", "vllm-autoscaler-ai", "ai"]]);
});

Deno.test("manifestsCommand() says what the right to patch a custom kind means", async () => {
  const { printed, err } = await manifests(
    "models: { m: { upstream: 'http://m', workload: { apiVersion: x.io/v1, kind: Policy, name: m } } }\n",
  );
  expect(printed).toMatch(/# CAREFUL: this kind [^]*`patch` on policies[^]*image too/);
  expect(err).toMatch(
    /that Policy is called policies in URLs is a guess \(there is no cluster to ask\)/,
  );
});

Deno.test("manifestsCommand() says how Prometheus gets at a surface that only the pod itself reaches", async () => {
  const { err, printed, of } = await manifests(ONE);
  const ports = (deployment: Json) =>
    deployment.spec.template.spec.containers[0].ports.map(({ name }: Json) => name);
  expect(err).toBe(
    "warning: server.operator is 127.0.0.1:9090: Prometheus does not reach it, only " +
      "`kubectl port-forward -n default deploy/vllm-autoscaler 9090` does. With " +
      "`operator: 0.0.0.0:9090` the metrics are open, and the rest to keys with `operator: true`",
  );
  expect(printed).toContain("# WARNING: server.operator is");
  expect(ports(of("Deployment")[0])).toEqual(["http"]);
  const open = await manifests(`server: { operator: "0.0.0.0:9191" }\n${ONE}`);
  expect(open.err).toMatch(
    /^warning: DIR\/config.yaml:1:\d+: only \/metrics, .* will be open on 0\.0\.0\.0:9191: for the rest give/,
  );
  expect(ports(open.of("Deployment")[0])).toEqual(["http", "operator"]);
});

Deno.test("manifestsCommand() brings the variables and files that the config names from Secrets", async () => {
  const text = `server:
  operator: false
  keys:
    - { name: a, keyFile: keys/a }
    - { name: b, keyEnv: B_KEY }
    - { name: c, key: "\${C_KEY}" }
models:
  m: { deployment: "\${DEPLOYMENT:-vllm}", upstreamKeyFile: /elsewhere/key }
`;
  const { of, printed, err } = await manifests(text, { env: { B_KEY: "1", C_KEY: "2" } });
  const { containers: [{ env }], volumes: [volume] } = of("Deployment")[0].spec.template.spec;
  expect(env.slice(1).map(({ name, valueFrom: { secretKeyRef } }: Json) => [name, secretKeyRef]))
    .toEqual([
      ["C_KEY", { name: "vllm-autoscaler-env", key: "C_KEY" }],
      ["DEPLOYMENT", { name: "vllm-autoscaler-env", key: "DEPLOYMENT", optional: true }],
      ["B_KEY", { name: "vllm-autoscaler-env", key: "B_KEY" }],
    ]);
  expect(volume.projected.sources).toEqual([
    { configMap: { name: "vllm-autoscaler" } },
    { secret: { name: "vllm-autoscaler-files", items: [{ key: "keys.a", path: "keys/a" }] } },
  ]);
  expect(printed).toContain(
    "#   kubectl create secret generic vllm-autoscaler-files -n default --from-file=keys.a=keys/a",
  );
  expect(err).toMatch(/^warning: \/elsewhere\/key: the gateway may read only below/m);
  for (const name of ["B_KEY", "C_KEY", "DEPLOYMENT"]) {
    expect(err).toContain(`warning: \${${name}}: the image does not show it to the gateway`);
  }
});

Deno.test("manifestsCommand() keeps a config with keys in it in a Secret", async () => {
  const { of } = await manifests(`server: { keys: [{ name: a, key: sesame }] }\n${ONE}`);
  expect(of("ConfigMap")).toEqual([]);
  expect(of("Secret")[0].stringData["config.yaml"]).toContain("sesame");
  expect(of("Deployment")[0].spec.template.spec.volumes[0].secret)
    .toEqual({ secretName: "vllm-autoscaler" });
});

Deno.test("manifestsCommand() gives time and memory by the config, and takes another image", async () => {
  const { of } = await manifests(
    `server: { drainTimeout: 5m, bufferedMax: 100MiB, listen: "0.0.0.0:80" }\n${ONE}`,
    { flags: { image: "registry.example/gateway:7" } },
  );
  const { terminationGracePeriodSeconds, containers: [container] } =
    of("Deployment")[0].spec.template.spec;
  expect([terminationGracePeriodSeconds, container.resources.limits.memory, container.image])
    .toEqual([315, "256Mi", "registry.example/gateway:7"]);
  expect(container.ports[0].containerPort).toBe(80);
});

Deno.test("manifestsCommand() takes the config's namespace, and leaves the Leases there", async () => {
  const { of, err } = await manifests(
    `server: { operator: false }\nkubernetes: { namespace: ml, context: a }\n${ONE}`,
    { flags: { namespace: "ai" } },
  );
  expect(of("Role").map(({ metadata }) => metadata.namespace)).toEqual(["ml"]);
  expect(of("Deployment")[0].metadata.namespace).toBe("ai");
  expect(err).toMatch(/kubernetes\.context are for a gateway outside the cluster/);
});

const REFUSED: [string, number, RegExp][] = [
  ["models: { a: {} }\n", 1, /is not valid/],
  [`server: { listen: "127.0.0.1:8080" }\n${ONE}`, 1, /nobody outside the pod would reach it/],
  [`server: { listen: "0.0.0.0:0" }\n${ONE}`, 1, /a Service needs a fixed port/],
];

for (const [text, code, words] of REFUSED) {
  Deno.test(`manifestsCommand() refuses what could not work: ${words.source}`, async () => {
    const refused = await manifests(text);
    expect([refused.code, refused.printed]).toEqual([code, ""]);
    expect(refused.err).toMatch(words);
  });
}
