/** Who may ask: client keys, which models each may use, and how many requests at once. */
import type { HttpHeaders } from "../platform/http_headers.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import type { KeySpec } from "../config/spec.ts";
import { derived } from "../lib/derived.ts";
import { Keyring } from "../keys/keyring.ts";
import type { Layer, RequestContext } from "./layers.ts";
import { RequestError } from "./request_error.ts";
import type { SecretTools } from "../keys/secret.ts";

/** `keys()` is `server.keys` as it is now; without keys for clients the gateway is open. */
export function accessLayer(keys: () => readonly KeySpec[], tools: SecretTools): Layer {
  const inFlight = new Map<string, number>();
  const clients = derived(keys, (specs) => specs.filter((spec) => !isForOperatorsAlone(spec)));
  const keyring = derived(keys, (specs) => new Keyring(specs, tools));
  const admit = async ({ headers }: ServerRequest, context: RequestContext) => {
    context.key = await knownKey(headers, keyring());
    takeSlot(context.key, inFlight, context);
    return undefined;
  };
  return {
    enter: (request, context) => clients().length > 0 ? admit(request, context) : undefined,
  };
}

/** A key that may use no model. */
function isForOperatorsAlone({ operator, models }: KeySpec): boolean {
  return operator && models?.length === 0;
}

/** @throws RequestError if the request's key may not use `model`, a name of the configuration */
export function requireModel({ key }: RequestContext, model: string): void {
  if (mayUse(key, model)) return;
  throw new RequestError(
    "model_not_allowed",
    `The key '${key!.name}' may not use model '${model}': it is for ${key!.models!.join(", ")}`,
    { param: "model" },
  );
}

export function mayUse(key: KeySpec | undefined, model: string): boolean {
  return key?.models?.includes(model) ?? true;
}

async function knownKey(headers: HttpHeaders, keyring: Keyring): Promise<KeySpec> {
  const presented = presentedKeys(headers);
  for (const text of presented) {
    const spec = await keyring.find(text);
    if (spec) return spec;
  }
  throw new RequestError(
    "invalid_api_key",
    presented.length > 0
      ? "The API key is not known to this gateway"
      : "Send an API key: 'Authorization: Bearer <key>' or 'x-api-key: <key>'",
  );
}

/** Browsers cannot give a WebSocket headers: OpenAI's clients there name the key among the protocols. */
export const KEY_PROTOCOL = "openai-insecure-api-key.";

/** The protocols that whoever asks for a WebSocket offers. */
export function offeredProtocols(headers: HttpHeaders): string[] {
  return (headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim())
    .filter(Boolean);
}

/** The key that came among the protocols, as everybody else sends it; nothing if it came so as well. */
export function keyHeaders(headers: HttpHeaders): [name: string, value: string][] {
  const key = protocolKey(headers);
  return key === undefined || headers.has("authorization")
    ? []
    : [["authorization", `Bearer ${key}`]];
}

function protocolKey(headers: HttpHeaders): string | undefined {
  return offeredProtocols(headers).find((name) => name.startsWith(KEY_PROTOCOL))
    ?.slice(KEY_PROTOCOL.length);
}

/** OpenAI's clients send a Bearer token, Anthropic's the other header, some proxies' clients both. */
function presentedKeys(headers: HttpHeaders): string[] {
  const [, bearer] = /^Bearer +(\S+)\s*$/i.exec(headers.get("authorization") ?? "") ?? [];
  return [bearer, headers.get("x-api-key"), protocolKey(headers)].filter((key) =>
    typeof key === "string" && key !== ""
  ) as string[];
}

/** Counts the request against its key's `inFlightMax` until its response is complete. */
function takeSlot(key: KeySpec, inFlight: Map<string, number>, context: RequestContext): void {
  const count = inFlight.get(key.name) ?? 0;
  if (key.inFlightMax > 0 && count >= key.inFlightMax) {
    throw new RequestError(
      "rate_limit_exceeded",
      `The key '${key.name}' has ${count} requests in flight already (inFlightMax)`,
    );
  }
  inFlight.set(key.name, count + 1);
  context.keep({
    [Symbol.dispose]() {
      const left = inFlight.get(key.name)! - 1;
      if (left > 0) inFlight.set(key.name, left);
      else inFlight.delete(key.name);
    },
  });
}
