/** The client keys as they are now: which of them, if any, is the one that a client sent. */
import type { KeySpec } from "../config/spec.ts";
import { Secret, type SecretTools } from "./secret.ts";

export class Keyring {
  readonly #entries: readonly Entry[];

  constructor(specs: readonly KeySpec[], tools: SecretTools) {
    this.#entries = specs.map((spec) => new Entry(spec, tools));
  }

  /** The key whose value is `presented`; one that is unknown is looked for once more in the files. */
  async find(presented: string): Promise<KeySpec | undefined> {
    const digest = await sha256(presented);
    const known = await this.#match(digest);
    if (known) return known;
    await Promise.all(this.#entries.map((entry) => entry.secret.refresh()));
    return await this.#match(digest);
  }

  /** Compares with every key, equal or not, so that time does not tell which came close. */
  async #match(digest: Uint8Array): Promise<KeySpec | undefined> {
    let found: KeySpec | undefined;
    for (const entry of this.#entries) {
      const expected = await entry.digest();
      if (expected && equal(digest, expected)) found ??= entry.spec;
    }
    return found;
  }
}

class Entry {
  readonly secret: Secret;
  #hashed: { readonly value: string; readonly digest: Uint8Array } | undefined;

  constructor(readonly spec: KeySpec, tools: SecretTools) {
    this.secret = new Secret({ text: spec.key, file: spec.keyFile, env: spec.keyEnv }, tools);
  }

  /** Undefined while the key has no value, which no client can send. */
  async digest(): Promise<Uint8Array | undefined> {
    if (this.spec.keySha256 !== undefined) return Uint8Array.fromHex(this.spec.keySha256);
    const value = this.secret.current;
    if (value === undefined) return undefined;
    if (this.#hashed?.value !== value) {
      this.#hashed = { value, digest: await sha256(value) };
    }
    return this.#hashed.digest;
  }
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

/** In the same time wherever they differ; both are digests, so of one length. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (const [i, byte] of a.entries()) difference |= byte ^ (b[i] ?? 0);
  return difference === 0;
}
