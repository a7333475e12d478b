/** Pods that are ready, behind a Service that leads to none of them. */
import type { Failure } from "../../activator/scale_target.ts";
import type { PodView } from "./pod_view.ts";
import { withRemedy } from "./remedies.ts";

/** What controllers put on pods. */
const MADE_LABELS = [
  ...["pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name"],
  "apps.kubernetes.io/pod-index",
];

/**
 * All of `pods` are ready in their own eyes, and nobody would get there. Where one is not, it may be the one that
 * the Service leads to: the head of several that work together. `service`: e.g. `service ai/vllm`.
 */
export function unreachedFailure(
  pods: readonly PodView[],
  service: string,
): Failure | undefined {
  const [pod] = pods;
  if (!pod || !pods.every(({ isReady }) => isReady)) return undefined;
  const labels = Object.entries(pod.labels)
    .filter(([key]) => !MADE_LABELS.includes(key)).map((label) => label.join("="));
  const message = withRemedy(
    `pod ${pod.name} is ready, but ${service} leads to none of its pods`,
    `give the Service a selector that fits them (they have ${
      labels.join(", ")
    }) and a targetPort ` +
      "that they have",
  );
  return { kind: "config", message };
}
