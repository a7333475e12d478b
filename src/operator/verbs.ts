/** What operators do with a model, as requests: wake, sleep, pin, unpin. */
import type { Activation } from "../activator/activation.ts";
import type { ModelSpec } from "../config/spec.ts";
import { parseDuration } from "../lib/duration.ts";
import type { ServerRequest } from "../platform/http_messages.ts";

export interface Refusal {
  readonly status: number;
  readonly message: string;
}

export const VERBS = ["wake", "sleep", "pin", "unpin"] as const;
export type Verb = typeof VERBS[number];

const PIN_DEFAULT = "2h";
/** A pin that nobody remembers would keep GPUs for good. */
const PIN_MAX_MS = 30 * 24 * 3_600_000;

export function isVerb(text: string): text is Verb {
  return VERBS.includes(text as Verb);
}

/** Undefined once it is done or under way. */
export async function steer(
  { steering }: Activation,
  spec: ModelSpec | undefined,
  verb: Verb,
  request: ServerRequest,
): Promise<Refusal | undefined> {
  if (request.method !== "POST") return { status: 405, message: "Use POST" };
  // A form of another site cannot say that.
  if (!/^application\/json\b/i.test(request.headers.get("content-type") ?? "")) {
    return { status: 415, message: "Send it with 'content-type: application/json'" };
  }
  const { searchParams } = new URL(request.url);
  if (verb !== "wake" && spec?.scale.kind === "external") {
    return conflict(`Model '${spec.name}' is external: it is never put to sleep`);
  }
  let forMs = 0;
  try {
    if (verb === "pin") forMs = pinOf(searchParams.get("for") ?? PIN_DEFAULT);
  } catch (error) {
    return { status: 400, message: `Cannot pin for so long: ${(error as Error).message}` };
  }
  try {
    if (verb === "wake") steering.wake();
    else if (verb === "sleep") {
      await steering.sleep(isOn(searchParams.get("force")) ? "force" : "now");
    } else await steering.pin(forMs);
  } catch (error) {
    return conflict((error as Error).message);
  }
  return undefined;
}

/** `?force`, `?force=1` and `?force=true`. */
function isOn(text: string | null): boolean {
  return text !== null && ["", "1", "true"].includes(text);
}

/** In ms. @throws Error that says what makes no sense */
function pinOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === 0 || ms > PIN_MAX_MS) {
    throw new Error(`'${text}' is not between 1ms and 720h (30 days)`);
  }
  return ms;
}

function conflict(message: string): Refusal {
  return { status: 409, message };
}
