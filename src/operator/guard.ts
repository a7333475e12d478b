/**
 * Who may see and steer the gateway. On a loopback address whoever is on this machine, but no page of elsewhere (the
 * `Host` must be loopback too: DNS rebinding); on any other address who has a key for operators.
 */
import type { HttpHeaders } from "../platform/http_headers.ts";
import { isLoopback } from "../config/address.ts";
import type { KeySpec } from "../config/spec.ts";
import { Keyring } from "../keys/keyring.ts";
import type { SecretTools } from "../keys/secret.ts";
import { derived } from "../lib/derived.ts";

/** Why somebody is not let in. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly message: string;
}

export class Guard {
  readonly #isLoopback: boolean;
  readonly #keyring: () => Keyring;

  /** `keys()`: `server.keys` as they are now; `hostname`: where the operator surface listens. */
  constructor(hostname: string, readonly keys: () => readonly KeySpec[], tools: SecretTools) {
    this.#isLoopback = isLoopback(hostname);
    this.#keyring = derived(
      keys,
      (specs) => new Keyring(specs.filter(({ operator }) => operator), tools),
    );
  }

  async refusal(headers: HttpHeaders): Promise<Refusal | undefined> {
    if (this.#isLoopback) {
      const host = (headers.get("host") ?? "").replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
      return isLoopback(host)
        ? undefined
        : { status: 403, message: `'${host}' is not this machine: use http://127.0.0.1` };
    }
    const presented = presentedKey(headers.get("authorization") ?? "");
    if (presented === undefined) {
      return { status: 401, message: "Send a key with 'operator: true', as Bearer or password" };
    }
    if (await this.#keyring().find(presented)) return undefined;
    return { status: 401, message: "The key is unknown, or has no 'operator: true'" };
  }
}

/** A Bearer token, or the password of HTTP Basic, so that a browser asks for it by itself. */
function presentedKey(authorization: string): string | undefined {
  const [, scheme, value = ""] = /^(Bearer|Basic) +(\S+)\s*$/i.exec(authorization) ?? [];
  if (scheme === undefined) return undefined;
  if (/^bearer$/i.test(scheme)) return value;
  try {
    const pair = new TextDecoder().decode(Uint8Array.fromBase64(value));
    return pair.slice(pair.indexOf(":") + 1);
  } catch {
    return undefined;
  }
}
