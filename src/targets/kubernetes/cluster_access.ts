/** Where the API server is and who we are to it: a service account in the cluster, or a kubeconfig. */
import type { Clock } from "../../platform/clock.ts";
import type { CreateFetch, Fetch } from "../../platform/fetch.ts";
import type { Files } from "../../platform/files.ts";

export interface ClusterAccess {
  /** Without a trailing slash, e.g. `https://10.96.0.1:443`. */
  readonly server: string;
  /** Trusts the cluster's CA, and shows the client certificate if there is one. */
  readonly fetch: Fetch;
  /** The namespace of what names none. */
  readonly namespace: string;
  /** For messages, e.g. `service account of the pod` or `context kind of ~/.kube/config`. */
  readonly origin: string;
  /** The `Authorization` header; `renew` after a 401, when the one we have may have been rotated. */
  authorization(renew?: boolean): Promise<string | undefined>;
}

export const SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Kubelet rotates a token at 80 % of its life, of 10 minutes at least; the old one is good till then. */
const TOKEN_FRESH_MS = 30_000;

export interface InClusterOptions {
  readonly env: (name: string) => string | undefined;
  readonly files: Files;
  readonly clock: Clock;
  readonly createFetch: CreateFetch;
  readonly dir?: string;
}

/** The pod's service account; undefined if this is no pod. @throws if it is one without its files */
export async function inCluster(options: InClusterOptions): Promise<ClusterAccess | undefined> {
  const { env, files, clock, createFetch, dir = SERVICE_ACCOUNT_DIR } = options;
  const host = env("KUBERNETES_SERVICE_HOST");
  const port = env("KUBERNETES_SERVICE_PORT");
  if (!host || !port) return undefined;
  const read = async (name: string) => (await files.readText(`${dir}/${name}`)).trim();
  const [ca, namespace, first] = await Promise.all(["ca.crt", "namespace", "token"].map(read))
    .catch((error: Error) => {
      throw new Error(
        `this pod has no service account to show: ${error.message}. Set serviceAccountName, and no ` +
          "automountServiceAccountToken: false",
      );
    });
  let token = first;
  let readMs = clock.nowMs();
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    fetch: createFetch({ caCerts: [ca!] }),
    namespace: namespace!,
    origin: "service account of the pod",
    async authorization(renew = false) {
      if (renew || clock.nowMs() - readMs >= TOKEN_FRESH_MS) {
        // A swap of the projected volume may leave it away for a moment: the old one is good as well.
        token = await read("token").catch(() => token);
        readMs = clock.nowMs();
      }
      return `Bearer ${token}`;
    },
  };
}
