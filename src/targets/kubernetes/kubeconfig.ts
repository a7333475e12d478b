/**
 * Access by a kubeconfig: client certificates, tokens, exec plugins, contexts. Kubernetes' own package
 * reads it, and is loaded only for that: it costs as much memory as the rest of the gateway.
 */
import type { CreateFetch } from "../../platform/fetch.ts";
import type { ClusterAccess } from "./cluster_access.ts";

export interface KubeconfigOptions {
  /** A file; undefined: `$KUBECONFIG`, else `~/.kube/config`. */
  readonly file: string | undefined;
  /** Undefined: the current one. */
  readonly context: string | undefined;
  readonly createFetch: CreateFetch;
}

/** @throws if there is no such file or context */
export async function byKubeconfig(options: KubeconfigOptions): Promise<ClusterAccess> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  if (options.file === undefined) config.loadFromDefault();
  else config.loadFromFile(options.file);
  if (options.context !== undefined) config.setCurrentContext(options.context);
  const cluster = config.getCurrentCluster();
  const context = config.getContextObject(config.getCurrentContext());
  if (!cluster || !context) {
    const names = config.getContexts().map(({ name }) => name).join(", ") || "none";
    throw new Error(`there is no context '${config.getCurrentContext()}'; there are: ${names}`);
  }
  // Reads files and runs exec plugins, as the file says.
  const tls = { headers: {} as Record<string, string>, ca: "", cert: "", key: "" };
  await config.applyToHTTPSOptions(tls);
  const text = (value: unknown) =>
    typeof value === "string" ? value : new TextDecoder().decode(value as Uint8Array);
  return {
    server: cluster.server.replace(/\/$/, ""),
    fetch: options.createFetch({
      ...(tls.ca ? { caCerts: [text(tls.ca)] } : {}),
      ...(tls.cert && tls.key ? { cert: text(tls.cert), key: text(tls.key) } : {}),
    }),
    namespace: context.namespace ?? "default",
    origin: `context ${context.name} of ${options.file ?? "the kubeconfig"}`,
    async authorization() {
      // Asked each time: it renews what an exec plugin gave when that has expired.
      const now: { headers: Record<string, string> } = { headers: {} };
      await config.applyToHTTPSOptions(now);
      return now.headers.Authorization;
    },
  };
}
