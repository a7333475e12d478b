/** What the pods say that are there now: why they are not ready; pure. */
import type { Finding } from "../finding.ts";
import { crashFailure, podFailure } from "./causes.ts";
import type { PodView } from "./pod_view.ts";

type Told = Omit<Finding, "about">;

/** Of the first that is in trouble: the others are made of the same template. */
export function examineRunning(pods: readonly PodView[]): Told[] {
  const troubles = pods.filter(({ isLeaving, isReady }) => !isLeaving && !isReady)
    .flatMap((pod) => troubleOf(pod) ?? []);
  return troubles.slice(0, 1).map((text) => ({ level: "error", text }));
}

function troubleOf(pod: PodView): string | undefined {
  if (pod.failed) return podFailure(pod, pod.failed).message;
  const ended = pod.containers.find(({ isInit, ended, isRunning }) =>
    ended && !isRunning && !(isInit && ended.exitCode === 0)
  );
  return ended && crashFailure(pod, ended).message;
}
