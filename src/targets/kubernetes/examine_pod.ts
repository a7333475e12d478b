/** What a pod template will do to answers when its pod is told to go, and when it says it is ready; pure. */
import type { Finding } from "../finding.ts";
import { examineProbes } from "./examine_ports.ts";
import type { Container, PodTemplate } from "./pod_template.ts";
import { recognise } from "./recognise.ts";

type Told = Omit<Finding, "about">;

/** The API server's default. */
const GRACE_S = 30;

/** `engine`: its name in the config. */
export function examinePod(template: PodTemplate, engine: string): Told[] {
  const { containers = [], terminationGracePeriodSeconds: graceS = GRACE_S } = template.spec ?? {};
  const recognised = recognise(template);
  return [
    ...(engine === "vllm" ? stopFindings(containers, graceS) : []),
    ...probe(containers),
    ...examineProbes(containers, recognised),
    ...containers.flatMap(pullFindings),
    ...(recognised ? [recognised.container] : containers).flatMap(lastWords),
  ];
}

/**
 * A vLLM that is told to go ends its answers at once, and each as if it were whole. The gateway tells
 * it to only when it is quiet; a node that is drained, or a new version, does not wait for that.
 */
function stopFindings(containers: readonly Container[], graceS: number): Told[] {
  const told = shutdownTimeout(containers);
  const preStop = containers.find(({ lifecycle }) => lifecycle?.preStop)?.lifecycle?.preStop;
  const waitS = (told ?? 0) + (preStop?.sleep?.seconds ?? 0);
  if (!told && !preStop) {
    return [{
      level: "warn",
      text: told === 0
        ? "--shutdown-timeout 0: a pod that is drained or replaced cuts its answers short"
        : "no --shutdown-timeout: a pod that is drained or replaced cuts its answers short",
      remedy:
        "start vLLM with --shutdown-timeout SECONDS, or give its container a preStop that waits",
    }];
  }
  if (graceS <= waitS) {
    return [{
      level: "warn",
      text: `its pods are killed after ${graceS} s, and ask for ${waitS} s to end their answers`,
      remedy: `set terminationGracePeriodSeconds to more than ${waitS}`,
    }];
  }
  return [{ level: "ok", text: `its pods have ${graceS} s to end their answers` }];
}

/** Of the command line, however it is written: a list, a shell's text. Undefined: it is not there. */
function shutdownTimeout(containers: readonly Container[]): number | undefined {
  for (const { command = [], args = [] } of containers) {
    const line = [...command, ...args].join(" ");
    const found = /--shutdown[-_]timeout[=\s]+["']?(\d+)/.exec(line)?.[1];
    if (found !== undefined) return Number(found);
  }
  return undefined;
}

function probe(containers: readonly Container[]): Told[] {
  if (containers.some(({ readinessProbe }) => readinessProbe)) return [];
  return [{
    level: "warn",
    text: "no readinessProbe: the gateway asks its pods itself, others who use the Service do not",
    remedy: "give the engine's container a readinessProbe on its health path",
  }];
}

/** A wake is no moment to find out that the registry is away, or has another version under that tag. */
function pullFindings({ name, image, imagePullPolicy }: Container): Told[] {
  if (imagePullPolicy !== "Always") return [];
  return [{
    level: "warn",
    text:
      `container ${name} asks the registry for ${image} at each start (imagePullPolicy: Always)`,
    remedy: "name a fixed tag or digest, with imagePullPolicy: IfNotPresent",
  }];
}

/** Pods of a wake that failed are gone, and their logs with them; the last lines can be kept in their status. */
function lastWords({ name, terminationMessagePolicy }: Container): Told[] {
  if (terminationMessagePolicy !== "File") return [];
  return [{
    level: "ok",
    text: `should container ${name} crash, its exit code is told, and not its last words`,
    remedy: "set its terminationMessagePolicy to FallbackToLogsOnError to have these as well",
  }];
}
