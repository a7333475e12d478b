/**
 * Kubernetes' own client, of which we take what reads kubeconfigs. It is large, so this file is loaded only where
 * there is one.
 */
import { KubeConfig } from "@kubernetes/client-node";

/** One with nothing in it yet. */
export function createKubeConfig(): KubeConfig {
  return new KubeConfig();
}
