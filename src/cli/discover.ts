/** `discover`: a config drafted from the inference servers that are found in a cluster; changes nothing there. */
import { resolve } from "node:path";
import { systemClock as clock } from "../platform/clock.ts";
import { createFetch } from "../platform/fetch.ts";
import { systemFiles as files } from "../platform/files.ts";
import { systemRandom as random } from "../platform/random.ts";
import { KubernetesApi } from "../targets/kubernetes/api.ts";
import { discover } from "../targets/kubernetes/discover.ts";
import { findCluster } from "../targets/kubernetes/find_cluster.ts";
import { configOf, type Draft, draftOf, draftText } from "./draft.ts";
import type { Terminal } from "./terminal.ts";

export interface DiscoverOptions {
  /** Default: all that we may see. */
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  /** One object for programs: `{config, models, leftOut, notes}`. */
  readonly json?: boolean;
  readonly terminal: Terminal;
}

/** Resolves with the exit code: 1 there is no cluster, or nothing that a gateway could scale in it. */
export async function discoverCommand(options: DiscoverOptions): Promise<0 | 1> {
  const { terminal, namespace, json = false, kubeconfig = "", context = "" } = options;
  const { env } = terminal;
  let draft: Draft;
  let origin: string;
  try {
    const access = await findCluster({ kubeconfig, context, namespace: "" }, {
      ...{ env: (name: string) => env[name], files, clock, createFetch },
    });
    origin = access.origin;
    draft = draftOf(await discover(new KubernetesApi({ access, clock, random }), namespace));
  } catch (error) {
    terminal.err(`Cannot look into the cluster: ${(error as Error).message}`);
    return 1;
  }
  const { models, leftOut, notes } = draft;
  const config = configOf(draft, {
    ...(kubeconfig ? { kubeconfig: resolve(kubeconfig) } : {}),
    ...(context ? { context } : {}),
  });
  if (json) {
    terminal.out(JSON.stringify({ config, models, leftOut, notes }, null, 2));
    return models.length > 0 ? 0 : 1;
  }
  if (models.length === 0) {
    for (const { workload, reason } of leftOut) terminal.err(`${workload}: ${reason}`);
    for (const note of notes) terminal.err(note);
    terminal.err(
      `Nothing was found in ${namespace ?? "any namespace"} that could be a model (${origin}): ` +
        "Deployments and StatefulSets of vLLM, SGLang, llama.cpp, TGI and Ollama are, with a Service",
    );
    return 1;
  }
  terminal.out(draftText(draft, config, heading(namespace, origin)));
  return 0;
}

function heading(namespace: string | undefined, origin: string): string {
  return [
    `Drafted by \`vllm-autoscaler discover\` from ${
      namespace === undefined ? "all namespaces" : `namespace ${namespace}`
    } (${origin}).`,
    "Read it, then:",
    "  vllm-autoscaler validate FILE; vllm-autoscaler doctor --config FILE",
    "Every model is put to sleep when it was quiet for 5m: `idleTimeout` says otherwise.",
  ].join("\n");
}
