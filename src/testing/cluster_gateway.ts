/** A gateway process in front of a test namespace, and what its tests ask of the cluster. */
import { TEST_KUBECONFIG, type TestNamespace } from "./control_plane.ts";
import { type GatewayCommand, GatewayProcess, UNDER_TEST } from "./gateway_process.ts";

export const APPS = "/apis/apps/v1";

interface Settings {
  /** Empty: the gateway finds the service account of its pod. */
  readonly kubeconfig?: string | undefined;
  /** Models as YAML. */
  readonly more?: string;
  readonly command?: GatewayCommand;
  /** Settings of the server as YAML. */
  readonly server?: string;
}

/** A gateway for the Deployments `models`, each with settings in YAML's flow style. */
export function startGateway(
  { name: namespace }: TestNamespace,
  models: Readonly<Record<string, string>>,
  { kubeconfig = TEST_KUBECONFIG, more = "", command = UNDER_TEST, server = "" }: Settings = {},
): Promise<GatewayProcess> {
  const yaml = Object.entries(models).map(([name, settings]) => {
    const scale = /\b(deployment|statefulSet):/.test(settings) ? [] : [`deployment: ${name}`];
    return `  ${name}: { ${[...scale, ...(settings ? [settings] : [])].join(", ")} }\n`;
  });
  const access = kubeconfig ? `kubeconfig: ${kubeconfig}, ` : "";
  const routes = `kubernetes: { ${access}namespace: ${namespace} }\n`;
  return GatewayProcess.start(yaml.join("") + more, {
    ...{ routes, server: `drainTimeout: 2s\n${server}`, command },
  });
}

export async function replicasOf(
  namespace: TestNamespace,
  name: string,
  plural = "deployments",
): Promise<number> {
  return (await namespace.get(APPS, plural, name)).spec.replicas;
}

/** A JSON patch or, as an object, a merge patch; by the rights of whoever runs the tests. */
export async function patch(
  { api, name: namespace }: TestNamespace,
  root: string,
  object: string,
  body: unknown,
): Promise<void> {
  const kind = Array.isArray(body) ? "json-patch" : "merge-patch";
  await api.call({
    ...{ verb: "patch", method: "PATCH", contentType: `application/${kind}+json`, body },
    path: `${root}/namespaces/${namespace}/${object}`,
  });
}

// deno-lint-ignore no-explicit-any
export async function podsOf({ api, name: namespace }: TestNamespace, app: string): Promise<any[]> {
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${app}`;
  return (await api.call<{ items: unknown[] }>({ verb: "list", path })).items;
}

/** Which pod answered a chat request; its body is read to the end. */
export async function podThatAnswers(gateway: GatewayProcess, model: string): Promise<string> {
  const response = await gateway.chat(model);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status}: ${text}`);
  return response.headers.get("x-pod") ?? "";
}

/** True if the model answers again; a refusal on the way is read and forgotten. */
export async function answers(gateway: GatewayProcess, model: string): Promise<boolean> {
  const response = await gateway.chat(model);
  await response.text();
  return response.status === 200;
}
