/** The Helm chart renders what kustomize renders, and what `manifests` prints; its values are held by their schema. */
import { expect } from "expect";
import { parse } from "yaml";
import deno from "../deno.json" with { type: "json" };
import {
  CHART,
  charted,
  comparable,
  FOLDER,
  HELM,
  kustomized,
  type Rendered,
  renderTest,
  run,
} from "../src/testing/renderers.ts";

const read = (path: string) => Deno.readTextFile(path);

Deno.test("the chart has the program's version, and the example of deploy/kustomize", async () => {
  const { version, appVersion } = parse(await read(`${CHART}/Chart.yaml`));
  expect([version, appVersion]).toEqual([deno.version, deno.version]);
  expect(await read(`${CHART}/files/config.yaml`))
    .toBe(await read(`${FOLDER}/kustomize/config.yaml`));
});

renderTest("the chart's default rendering is deploy/kustomize, but for the namespace", async () => {
  const applied = (await kustomized()).filter(({ kind }) => kind !== "Namespace");
  expect(applied.length).toBeGreaterThan(7);
  expect(comparable(await charted())).toEqual(comparable(applied));
});

/** What `manifests` prints for a config with this text, in namespace `ai`. */
async function manifests(text: string): Promise<Rendered[]> {
  const dir = await Deno.makeTempDir({ prefix: "chart-" });
  try {
    await Deno.writeTextFile(`${dir}/config.yaml`, text);
    const main = new URL("../main.ts", import.meta.url).pathname;
    const args = ["run", "--allow-all", "--no-check", main, "manifests", "--any-workload"];
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [...args, "--json", "--namespace", "ai", "--config", `${dir}/config.yaml`],
      env: { KUBECONFIG: "/nowhere", VLLM_AUTOSCALER_KEY: "1" },
      stderr: "null",
    }).output();
    return JSON.parse(new TextDecoder().decode(stdout)).items;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** A Role as the rights that it grants, however its rules are cut. */
function withRights(objects: readonly Rendered[]): Rendered[] {
  return objects.map(({ rules, ...object }) => {
    const rights = rules?.flatMap((rule: Record<string, string[]>) =>
      rule.resources!.flatMap((of) => rule.verbs!.map((verb) => `${verb} ${of}.${rule.apiGroups}`))
    ).sort();
    return { ...object, rights };
  });
}

const client = { name: "vllm-autoscaler-env", key: "VLLM_AUTOSCALER_KEY" };
const files = { name: "vllm-autoscaler-files", items: [{ key: "keys.a", path: "keys/a" }] };

/** Texts of a config, and what else the chart is told where `manifests` sees it in the text. */
const ALIKE: Record<string, readonly [text: string, values?: object]> = {
  "durations and ports": [`server:
  listen: 0.0.0.0:80
  operator: "[::]:9191"
  shutdownDelay: 1m2.5s
  drainTimeout: 1h0m10s100ms
models: { m: { deployment: vllm } }
`],
  "no operator surface": ["server: { operator: false }\nmodels: { m: { deployment: vllm } }\n"],
  "one for the pod itself": ["# Short.\nmodels: { m: { statefulSet: vllm } }\n"],
  "a key in the text": [
    "server: { keys: [{ name: a, key: sesame }] }\nmodels: { m: { deployment: vllm } }\n",
  ],
  "keys from elsewhere": [
    `server:
  keys:
    - { name: a, keyFile: keys/a }
    - { name: b, key: "\${VLLM_AUTOSCALER_KEY}" }
models: { m: { deployment: vllm } }
`,
    {
      extraEnv: [{ name: "VLLM_AUTOSCALER_KEY", valueFrom: { secretKeyRef: client } }],
      secretFiles: [files],
    },
  ],
  "models in other namespaces": [
    "models: { m: { deployment: vllm }, n: { deployment: ml/vllm } }\n",
    { modelNamespaces: ["ml", "ai"] },
  ],
  "all models in another": [
    "kubernetes: { namespace: ml }\nmodels: { m: { deployment: vllm } }\n",
  ],
};

for (const [what, [config, values]] of Object.entries(ALIKE)) {
  renderTest(`the chart renders what \`manifests\` prints: ${what}`, async () => {
    const rendered = (await charted({ ...values, config }, "ai"))
      .filter(({ kind }) => kind !== "NetworkPolicy");
    expect(withRights(comparable(rendered))).toEqual(
      withRights(comparable(await manifests(config))),
    );
  });
}

renderTest("the chart takes the config from a file, and keeps its text", async () => {
  const file = `${FOLDER}/../config.example.yaml`;
  const objects = await charted({}, "ai", ["--set-file", `config=${file}`]);
  const { data } = objects.find(({ kind }) => kind === "ConfigMap");
  expect(data["config.yaml"]).toBe(`${(await read(file)).trim()}\n`);
});

renderTest("the chart takes the config as YAML among its values too", async () => {
  const config = { models: { m: { deployment: "vllm" } }, server: { drainTimeout: "5m" } };
  const objects = await charted({ config });
  const of = (wanted: string) => objects.find(({ kind }) => kind === wanted);
  expect(parse(of("ConfigMap").data["config.yaml"])).toEqual(config);
  expect(of("Deployment").spec.template.spec.terminationGracePeriodSeconds).toBe(315);
});

renderTest(
  "the chart's policy lets the gateway out to all models, and operators in where there is a port",
  async () => {
    const policyOf = async (values: object) =>
      (await charted(values, "ai")).find(({ kind }) => kind === "NetworkPolicy").spec;
    const { ingress, egress } = await policyOf({
      config: { kubernetes: { namespace: "ml" }, models: {} },
      modelNamespaces: ["x"],
    });
    expect(ingress).toEqual([{ ports: [{ protocol: "TCP", port: "http" }] }]);
    const of = (name: string) => ({
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
    });
    expect(egress.at(-1)).toEqual({ to: [{ podSelector: {} }, of("ml"), of("x")] });
  },
);

renderTest(
  "the chart's PodMonitor is that of deploy/prometheus, for its own namespace",
  async () => {
    const objects = await charted({ podMonitor: { enabled: true, labels: { release: "p" } } });
    const monitor = objects.find(({ kind }) => kind === "PodMonitor");
    expect(monitor.metadata.labels.release).toBe("p");
    const given = parse(await read(`${FOLDER}/prometheus/podmonitor.yaml`));
    const { namespaceSelector: _, ...spec } = given.spec;
    expect(comparable([{ ...monitor, metadata: {} }])).toEqual([{ ...given, metadata: {}, spec }]);
  },
);

const REFUSED: readonly [values: object, words: string][] = [
  [{ replica: 3 }, "additional properties 'replica' not allowed"],
  [{ image: { tga: "1" } }, "additional properties 'tga' not allowed"],
  [{ service: { prot: 1 } }, "additional properties 'prot' not allowed"],
  [{ extraEnv: [{ name: "A", valeu: "1" }] }, "additional properties 'valeu' not allowed"],
  [{ replicas: "two" }, "at '/replicas': got string, want integer"],
  [{ modelNamespaces: ["ai/vllm"] }, "'ai/vllm' does not match pattern"],
  [{ ingress: { enabled: true } }, "ingress.hosts: name at least one"],
  [{ config: "just words" }, "config: "],
  [
    { podMonitor: { enabled: true }, config: { models: {} } },
    "podMonitor needs the config's server.operator open",
  ],
];

for (const [values, words] of REFUSED) {
  renderTest(`the chart refuses ${JSON.stringify(values)}`, async () => {
    await expect(charted(values)).rejects.toThrow(words);
  });
}

renderTest("the chart has nothing to lint", async () => {
  const { code, out } = await run(HELM, ["lint", "--strict", CHART]);
  expect([code, out]).toEqual([0, expect.stringContaining("0 chart(s) failed")]);
});
