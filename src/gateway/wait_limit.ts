/** How long a request may wait: what its own headers say, and how long its client will be patient. */
import type { HttpHeaders } from "../platform/http_headers.ts";
import { parseDuration } from "../lib/duration.ts";

/** The SDKs' own timeouts, in seconds: OpenAI's and Anthropic's for Node, and for Python. */
const HINTS = ["x-stainless-timeout", "x-stainless-read-timeout"];

/** A client that hears nothing for so long gives up and sends its request again. */
export function clientPatienceMs(headers: HttpHeaders): number {
  const seconds = HINTS.map((name) => Number(headers.get(name) ?? Infinity));
  return Math.min(...seconds.filter((hint) => hint > 0), Infinity) * 1000;
}

/**
 * From arrival to the time at which waiting ends with an error; undefined: only the model's limits count.
 * The error must come while the client still listens. After early headers the comments feed its patience;
 * `Infinity`: this request gets none.
 */
export function waitMaxMs(headers: HttpHeaders, earlyHeadersAfterMs: number): number | undefined {
  const patienceMs = clientPatienceMs(headers);
  const silentMs = Math.max(0, Math.min(0.9 * patienceMs, patienceMs - 2_000));
  const limitMs = Math.min(
    askedMs(headers.get("x-cold-start-timeout")),
    silentMs > earlyHeadersAfterMs ? Infinity : silentMs,
  );
  return limitMs === Infinity ? undefined : limitMs;
}

/** A client's `x-cold-start-timeout`; one that cannot be read asks for nothing. */
function askedMs(text: string | null): number {
  if (text === null) return Infinity;
  try {
    return parseDuration(text.trim());
  } catch {
    return Infinity;
  }
}
