/** Why an environment variable that a config names has no value: it is not set, or the program may not see it. */
import type { Env } from "./substitute.ts";

const HIDDEN = Symbol("hidden");
/** Of names that are free to choose; the Dockerfile says so too. */
export const SHOWN_PREFIX = "VLLM_AUTOSCALER_";

interface PartialEnv extends Env {
  readonly [HIDDEN]?: (name: string) => boolean;
}

/** `env`, of which some names are hidden from the program whether they are set or not. */
export function partialEnv(env: Env, isHidden: (name: string) => boolean): Env {
  return Object.defineProperty({ ...env }, HIDDEN, { value: isHidden });
}

/** What to say of `name`, which `env` does not have. */
export function unsetVariable(name: string, env: PartialEnv): string {
  if (!env[HIDDEN]?.(name)) return `environment variable ${name} is not set`;
  return `environment variable ${name} may not be read here: give it a name that begins with ` +
    `${SHOWN_PREFIX}, which the image shows to the gateway`;
}
