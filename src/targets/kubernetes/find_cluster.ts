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
      file: kubeconfig || await defaultFile(options),
      context: context || undefined,
      createFetch: options.createFetch,
    });
  return namespace === "" ? access : { ...access, namespace };
}

/** Undefined where `$KUBECONFIG` may name several files, which belong together. */
async function defaultFile({ env, files }: InClusterOptions): Promise<string | undefined> {
  if (env("KUBECONFIG")) return undefined;
  const file = `${env("HOME") ?? ""}/.kube/config`;
  try {
    await files.readText(file);
    return file;
  } catch {
    throw new Error(
      "there is no cluster: this is no pod, $KUBECONFIG is not set and there is no ~/.kube/config",
    );
  }
}
