/**
 * Access by a kubeconfig: client certificates, tokens, exec plugins, contexts. Kubernetes' own package
 * asks the plugins and providers, and is loaded only for that: it costs as much memory as the rest of
 * the gateway. What it does otherwise than kubectl is done here.
 */
import type { Cluster, Context, KubeConfig, User } from "@kubernetes/client-node";
import { rootCause } from "../../lib/root_cause.ts";
import type { CreateFetch, Fetch, FetchOptions } from "../../platform/fetch.ts";
import type { Files } from "../../platform/files.ts";
import type { ClusterAccess } from "./cluster_access.ts";
import type { KubeconfigFiles } from "./kubeconfig_files.ts";

export interface KubeconfigOptions {
  /** Several belong together, as in `$KUBECONFIG`. */
  readonly paths: readonly string[];
  /** Undefined: the current one. */
  readonly context: string | undefined;
  readonly files: Files;
  readonly createFetch: CreateFetch;
}

/** @throws Error that says what is wrong with the kubeconfig, and what to do */
export async function byKubeconfig(options: KubeconfigOptions): Promise<ClusterAccess> {
  let login = await Login.begin(options);
  let renewing: Promise<Login> | undefined;
  await login.authorization();
  const { cluster, context } = login;
  return {
    server: cluster.server,
    fetch: (url, init) => login.fetch(url, init),
    namespace: context.namespace ?? "default",
    origin: `context ${context.name} of ${options.paths.join(":")}`,
    async authorization(renew = false) {
      if (renew) {
        // Somebody may have written another token; a plugin is not asked by each of many calls.
        renewing ??= Login.begin(options, login).finally(() => renewing = undefined);
        login = await renewing;
      }
      return await login.authorization();
    },
  };
}

/** One reading of the kubeconfig: who we are, and the connections that show it. */
class Login {
  /** The certificates of `fetch`. */
  #tls = "";
  fetch!: Fetch;

  private constructor(
    readonly options: KubeconfigOptions,
    readonly config: KubeConfig,
    readonly cluster: Cluster,
    readonly context: Context,
    readonly user: User | undefined,
    readonly tokenFile: string | undefined,
  ) {}

  /** `before`: its connections are kept as long as they show the same certificate. */
  static async begin(options: KubeconfigOptions, before?: Login): Promise<Login> {
    const { createKubeConfig, readKubeconfigs } = await import("./kubeconfig_files.ts");
    const read = await readKubeconfigs(options.paths, options.files);
    const { context, cluster, user } = chosen(read, options.context);
    refuseUnknown(cluster, user);
    const config = createKubeConfig();
    config.loadFromOptions({
      clusters: [plain(cluster)],
      users: user ? [user] : [],
      contexts: [context],
      currentContext: context.name,
    });
    const tokenFile = user && read.tokenFiles.get(user.name);
    const login = new Login(options, config, cluster, context, user, tokenFile);
    if (before) {
      login.#tls = before.#tls;
      login.fetch = before.fetch;
    }
    return login;
  }

  /**
   * Asked anew each time: what an exec plugin gave expires, and a token's file is rotated.
   * @throws Error in the words of whoever was asked
   */
  async authorization(): Promise<string | undefined> {
    const { options, config, user, tokenFile, cluster } = this;
    // Reads files and runs exec plugins, as the kubeconfig says.
    const now = { headers: {} as Record<string, string>, ca: "", cert: "", key: "" };
    try {
      await config.applyToHTTPSOptions(now);
    } catch (error) {
      const who = user?.exec ? `the plugin '${user.exec.command}' of ` : "";
      throw new Error(
        `${who}user '${user?.name}' of ${options.paths.join(":")} gives no access: ` +
          (rootCause(error).trim() || "it ended without a word"),
      );
    }
    this.#connect({
      ...(now.ca ? { caCerts: [text(now.ca)] } : {}),
      ...(now.cert && now.key ? { cert: text(now.cert), key: text(now.key) } : {}),
      ...(cluster.proxyUrl ? { proxyUrl: cluster.proxyUrl } : {}),
    });
    if (tokenFile === undefined) return now.headers.Authorization;
    return `Bearer ${(await options.files.readText(tokenFile)).trim()}`;
  }

  #connect(tls: FetchOptions): void {
    const key = JSON.stringify(tls);
    if (key === this.#tls) return;
    this.#tls = key;
    this.fetch = this.options.createFetch(tls);
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : new TextDecoder().decode(value as Uint8Array);
}

/** @throws Error that names what there is */
function chosen(read: KubeconfigFiles, wanted: string | undefined) {
  const { contexts, clusters, users, origin } = read;
  const name = wanted ?? read.currentContext;
  const context = contexts.get(name);
  const names = [...contexts.keys()].join(", ") || "none";
  if (!context) {
    throw new Error(
      name === ""
        ? `${origin} has no current context: set kubernetes.context to one of: ${names}`
        : `${origin} has no context '${name}'; there are: ${names}`,
    );
  }
  const missing = (what: string, which: string) =>
    new Error(`context '${name}' of ${origin} names the ${what} '${which}', which is not there`);
  const cluster = clusters.get(context.cluster);
  if (!cluster) throw missing("cluster", context.cluster);
  const user = users.get(context.user);
  if (context.user && !user) throw missing("user", context.user);
  return { context, cluster, user };
}

/** What would otherwise be left out without a word. */
function refuseUnknown(cluster: Cluster, user: User | undefined): void {
  const where = `cluster '${cluster.name}' of the kubeconfig`;
  if (cluster.skipTLSVerify && cluster.server.startsWith("https:")) {
    throw new Error(
      `${where} has insecure-skip-tls-verify, which the gateway cannot do: put the cluster's CA there ` +
        `instead (kubectl config set-cluster ${cluster.name} --insecure-skip-tls-verify=false ` +
        "--embed-certs --certificate-authority=FILE)",
    );
  }
  if (cluster.tlsServerName) {
    throw new Error(
      `${where} has tls-server-name, which the gateway cannot do: name ${cluster.tlsServerName} in ` +
        "its server, and let that name lead there (DNS, /etc/hosts)",
    );
  }
  if (user?.impersonateUser) {
    throw new Error(
      `user '${user.name}' of the kubeconfig acts as '${user.impersonateUser}', which the gateway ` +
        "cannot do: give it an account of its own",
    );
  }
}

/** For the package, which would make connections of its own for what is not a plain address. */
function plain(cluster: Cluster): Cluster {
  const { proxyUrl: _, ...rest } = cluster;
  return { ...rest, skipTLSVerify: cluster.server.startsWith("http:") };
}
