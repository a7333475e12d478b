/** What a gateway watches and scales, in a few words for its log. */
import type { Config, ScaleSpec } from "../config/spec.ts";

const NAMED_MAX = 8;

/** E.g. `deployment ai/vllm-a, process vllm and 12 more`; undefined: nothing is scaled. */
export function watchedBy({ models, kubernetes: { namespace } }: Config): string | undefined {
  const names = models.flatMap(({ name, scale }) => nameOf(name, scale, namespace) ?? []);
  const more = names.length - NAMED_MAX;
  const named = names.slice(0, NAMED_MAX).join(", ");
  return more > 0 ? `${named} and ${more} more` : named || undefined;
}

function nameOf(model: string, scale: ScaleSpec, namespace: string): string | undefined {
  if (scale.kind === "external") return undefined;
  // Of a command not a word is told: there may be keys in it.
  if (scale.kind === "process") return `process of ${model}`;
  const place = scale.namespace ?? namespace;
  const kind = scale.kind === "workload" ? scale.workloadKind : scale.kind;
  return `${kind} ${place && `${place}/`}${scale.name}`;
}
