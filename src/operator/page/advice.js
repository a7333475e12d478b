/** What a wake's failure comes to in a few words, and what to do about it, by its kind; pure. */

/** By kind: what happened, and what to do. */
const ADVICE = {
  cold_start_timeout: [
    "not ready in time",
    "If it only needs longer, raise its coldStartTimeout; an image and weights that are on the node " +
    "already make it quicker.",
  ],
  crashed: [
    "the server ended by itself",
    "The rest of its words is in its log (kubectl logs --previous). Correct its arguments or its model.",
  ],
  cannot_start: [
    "its command cannot be run",
    "Check that it is installed where the gateway runs, that it may be executed, and that its folder exists.",
  ],
  out_of_memory: [
    "out of memory",
    "Raise the pod's memory limit, or lower what it takes (--gpu-memory-utilization, --max-model-len, " +
    "a quantised model), or use a larger GPU.",
  ],
  image: [
    "its image cannot be pulled",
    "Check the image's name and tag, the pull secret, and that the node reaches the registry.",
  ],
  config: [
    "its pod cannot be made as written",
    "Check the ConfigMaps, Secrets, volumes and commands that the workload names.",
  ],
  quota: [
    "the namespace's quota is used up",
    "Let another model sleep, or raise the ResourceQuota.",
  ],
  forbidden: [
    "the gateway is not allowed to",
    "Give it the Role of deploy/kustomize/rbac.yaml; 'vllm-autoscaler doctor' names the missing right.",
  ],
  missing: [
    "what the config names is not there",
    "Create it, or correct its name in the config; both are noticed without a restart.",
  ],
  unschedulable: [
    "no node takes its pod",
    "Free a GPU by letting another model sleep, add a node, or check the pod's requests, node selector " +
    "and tolerations. Where nodes come on demand, raise unschedulableGrace.",
  ],
  disabled: ["switched off in the config", "Set enabled: true to use it."],
};

const OTHER = ["its wake failed", "'vllm-autoscaler doctor' checks what it needs."];

/** `[what happened, what to do]`. */
export function adviceFor(kind) {
  return ADVICE[kind] ?? OTHER;
}
