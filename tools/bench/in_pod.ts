/** A program as if it were in a pod: with the files of a service account where a kubelet mounts them. */
import { SERVICE_ACCOUNT_DIR } from "../../src/targets/kubernetes/cluster_access.ts";
import type { TestNamespace } from "../../src/testing/control_plane.ts";
import type { GatewayCommand } from "../../src/testing/gateway_process.ts";
import { createAccount, EVERYTHING, readTestCluster } from "../../src/testing/service_account.ts";

export interface Pod extends AsyncDisposable {
  /** The same, run in it; the process keeps its pid. */
  command(command: GatewayCommand): GatewayCommand;
}

/** Files of its own in a mount namespace of its own: the machine's stay as they are. */
const ENTER = [
  ...["unshare", "--map-root-user", "--mount", "sh", "-c"],
  `mount -t tmpfs none /var/run && mkdir -p ${SERVICE_ACCOUNT_DIR} && ` +
  `cp "$0"/* ${SERVICE_ACCOUNT_DIR} && exec "$@"`,
];

/** A pod of `namespace` with all rights there. */
export async function asPod(namespace: TestNamespace): Promise<Pod> {
  const [token, { server, ca }] = await Promise.all([
    createAccount(namespace, "pod", EVERYTHING),
    readTestCluster(),
  ]);
  const dir = await Deno.makeTempDir({ prefix: "service-account-" });
  const files = { token, "ca.crt": ca, namespace: namespace.name };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${dir}/${name}`, text);
  }
  const { hostname, port } = new URL(server);
  return {
    command: ({ words, env }) => ({
      words: (configDir) => [...ENTER, dir, ...words(configDir)],
      env: { ...env, KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port || "443" },
    }),
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}
