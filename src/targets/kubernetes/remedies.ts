/** What to do about what keeps a model from starting: the same words for whoever waits and for `doctor`. */

export const REMEDIES = {
  image: "correct the image and its tag, or give its pods an imagePullSecret",
  unschedulable: "add a node that fits, or correct its resources, nodeSelector and tolerations",
  quota: "raise the quota, or let its pods ask for less",
  template: "make what it names, or correct the pod template",
  mount: "make what the volume names, or correct the pod template",
  crashed: "its log says why (kubectl logs, while it is scaled up by hand); with " +
    "`terminationMessagePolicy: FallbackToLogsOnError` its last lines stand here",
  memory: "raise the memory limit of that container, or let the engine use less",
  evicted: "let its pods request what they use, or free that node",
  paused: "resume its rollout (kubectl rollout resume)",
  probe: "see that its readinessProbe asks the port and the path on which the engine answers",
} as const;

/** `text` as one sentence and what to do about it as the next. */
export function withRemedy(text: string, remedy: string): string {
  return `${text.trimEnd().replace(/[.:;]$/, "")}. ${remedy[0]!.toUpperCase()}${remedy.slice(1)}`;
}
