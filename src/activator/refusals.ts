/** What whoever wants a model is told while its gate is shut, or nobody knows how it is. */
import { ClusterUnreachable, ColdStartTimeout, ModelUnavailable } from "./errors.ts";
import type { Failure } from "./scale_target.ts";
import type { State } from "./state.ts";

const DISABLED: Failure = { kind: "disabled", message: "it is disabled in the configuration" };

/** `state` is `failed`, or else the model is disabled. */
export function unavailable(
  model: string,
  state: State,
  nowMs: number,
): ModelUnavailable | ColdStartTimeout {
  if (state.name !== "failed") return new ModelUnavailable(model, DISABLED, Infinity);
  // It may well be ready the next time: worth a retry, unlike what cannot succeed.
  if (state.failure.kind === "cold_start_timeout") {
    return new ColdStartTimeout(model, `Model '${model}' is ${state.failure.message}`);
  }
  return new ModelUnavailable(model, state.failure, Math.max(0, state.deadlineMs - nowMs));
}

/** `target` is its name. */
export function unreachable(model: string, target: string): ClusterUnreachable {
  return new ClusterUnreachable(
    model,
    `Cannot tell whether model '${model}' is up: ${target} does not answer`,
  );
}
