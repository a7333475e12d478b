/** Which cluster: the one that the config names, the one that we run in, or the kubeconfig's. */
import type { KubernetesSpec } from "../../config/spec.ts";
import { type ClusterAccess, inCluster, type InClusterOptions } from "./cluster_access.ts";
import { byKubeconfig } from "./kubeconfig.ts";

/** @throws Error that says what is missing */
export async function findCluster(
  { kubeconfig, context, namespace }: KubernetesSpec,
  options: InClusterOptions,
): Promise<ClusterAccess> {
  const isNamed = kubeconfig !== "" || context !== "";
  const access = (isNamed ? undefined : await inCluster(options)) ??
    await byKubeconfig({
      paths: kubeconfig ? [kubeconfig] : await defaultPaths(options),
      context: context || undefined,
      files: options.files,
      createFetch: options.createFetch,
    });
  return namespace === "" ? access : { ...access, namespace };
}

async function defaultPaths({ env, files }: InClusterOptions): Promise<string[]> {
  const named = (env("KUBECONFIG") ?? "").split(":").filter((path) => path !== "");
  if (named.length > 0) return named;
  const path = `${env("HOME") ?? ""}/.kube/config`;
  try {
    await files.readText(path);
    return [path];
  } catch {
    throw new Error(
      "there is no cluster: this is no pod, $KUBECONFIG is not set and there is no ~/.kube/config",
    );
  }
}
