/**
 * What we take of Kubernetes' own client: it reads kubeconfigs. It is large, so it has a file of its own, which is
 * loaded only where there is one.
 */
export { KubeConfig } from "@kubernetes/client-node";
