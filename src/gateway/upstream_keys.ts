/** The keys that go upstream in place of the client's, by model. */
import type { ModelSpec } from "../config/spec.ts";
import { Secret, type SecretTools } from "../keys/secret.ts";

export class UpstreamKeys {
  /** A reloaded model is a new spec, so its old key is forgotten with the old one. */
  readonly #secrets = new WeakMap<ModelSpec, Secret>();

  constructor(readonly tools: SecretTools) {}

  /** Waits for the file only the first time; afterwards it is read again beside the requests. */
  async of(spec: ModelSpec): Promise<string | undefined> {
    if (!hasUpstreamKey(spec)) return undefined;
    let secret = this.#secrets.get(spec);
    if (!secret) {
      secret = new Secret({ file: spec.upstreamKeyFile, env: spec.upstreamKeyEnv }, this.tools);
      this.#secrets.set(spec, secret);
    }
    if (secret.current === undefined) await secret.refresh();
    return secret.current;
  }
}

/** True if the model's upstream has a key of its own, whether or not that key can be read now. */
export function hasUpstreamKey({ upstreamKeyFile, upstreamKeyEnv }: ModelSpec): boolean {
  return upstreamKeyFile !== undefined || upstreamKeyEnv !== undefined;
}
