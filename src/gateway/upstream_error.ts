/** What an upstream's error answer says, for clients that already have a 200 and must be told in the stream. */
import type { Clock } from "../platform/clock.ts";
import { type AnyBody, bodyOf, cancelBody } from "../platform/http_body.ts";
import type { HttpResponse } from "../platform/http_messages.ts";
import type { ErrorAnswer } from "./error_table.ts";

/** An error is a few lines; what is longer is no error, and nobody reads it. */
const BODY_MAX = 64 * 1024;
/** Its client has an open stream, in which nothing else comes meanwhile. */
const BODY_TIMEOUT_MS = 5_000;

/** Reads the body of `response`, or as much of it as an error may have. */
export async function upstreamError(response: HttpResponse, clock: Clock): Promise<ErrorAnswer> {
  const { status, body } = response;
  const said = isOk(response) ? {} : errorFields(await readText(body, clock));
  if (isOk(response)) cancelBody(body);
  const kind = ["content-encoding", "content-type"]
    .flatMap((name) => response.headers.get(name) ?? []).join(" ") || "nothing";
  return {
    status: status >= 400 ? status : 502,
    type: text(said.type) ??
      (status >= 400 && status < 500 ? "invalid_request_error" : "server_error"),
    code: text(said.code) ?? String(status >= 400 ? status : 502),
    message: text(said.message) ??
      `The model's server answered with status ${status} and ${kind} instead of an event stream`,
    param: text(said.param) ?? null,
    headers: {},
  };
}

function isOk({ status }: HttpResponse): boolean {
  return status >= 200 && status <= 299;
}

/**
 * True if its bytes can follow what was sent already: it is good, and of such a `type`. One that is packed although nobody
 * asked for it cannot: neither white space nor headers that do not say so go with it.
 */
export function isPlain(response: HttpResponse, type: RegExp): boolean {
  const { headers } = response;
  return isOk(response) && !headers.has("content-encoding") &&
    type.test(headers.get("content-type") ?? "");
}

interface ErrorFields {
  readonly type?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly param?: unknown;
}

/** OpenAI and Anthropic: `{"error":{…}}`; FastAPI: `{"detail":…}`; older vLLM: the fields themselves. */
function errorFields(body: string): ErrorFields {
  try {
    const value = JSON.parse(body) as { error?: unknown; detail?: unknown } & ErrorFields;
    if (typeof value.error === "string") return { message: value.error };
    if (value.error) return value.error;
    return value.detail ? { message: JSON.stringify(value.detail) } : value;
  } catch {
    return { message: body.trim() };
  }
}

function text(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Nothing if it is too long, too slow, or breaks: its status has been told all the same. */
async function readText(body: AnyBody | null, clock: Clock): Promise<string> {
  if (!body) return "";
  const decoder = new TextDecoder();
  const late = Promise.withResolvers<"late">();
  using _limit = clock.timer(BODY_TIMEOUT_MS, () => late.resolve("late"));
  const chunks = bodyOf(body);
  let text = "";
  try {
    while (text.length <= BODY_MAX) {
      const chunk = await Promise.race([chunks.read(), late.promise]);
      if (chunk === "late") break;
      if (!chunk) return text + decoder.decode();
      text += decoder.decode(chunk, { stream: true });
    }
  } catch {
    return "";
  }
  chunks.cancel();
  return "";
}
