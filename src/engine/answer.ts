/** Answers with the headers that uvicorn and FastAPI write, in their order. */
import type { NodeAnswer } from "../platform/node_server.ts";

export type Headers = NodeAnswer["headers"];

const encoder = new TextEncoder();

/** What uvicorn puts first into every answer. */
export function uvicornHeaders(wallMs: number): Headers {
  return [["date", new Date(wallMs).toUTCString()], ["server", "uvicorn"]];
}

export function text(
  base: Headers,
  body: string | Uint8Array,
  contentType: string | undefined,
  { status = 200, before = [] }: { status?: number; before?: Headers } = {},
): NodeAnswer {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  return {
    status,
    headers: [
      ...base,
      ...before,
      ["content-length", String(bytes.length)],
      ...(contentType ? [["content-type", contentType] as const] : []),
      ["vary", "Origin"],
    ],
    body: bytes,
  };
}

export function json(base: Headers, value: unknown, status = 200): NodeAnswer {
  return text(base, JSON.stringify(value), "application/json", { status });
}

export function empty(base: Headers, status = 200): NodeAnswer {
  return text(base, "", undefined, { status });
}

/** FastAPI's own refusals. */
export function detail(base: Headers, status: number, message: string, before?: Headers) {
  return text(base, JSON.stringify({ detail: message }), "application/json", {
    status,
    ...(before ? { before } : {}),
  });
}

export function redirect(base: Headers, location: string): NodeAnswer {
  return {
    status: 307,
    headers: [...base, ["content-length", "0"], ["location", location], ["vary", "Origin"]],
    body: new Uint8Array(),
  };
}

/** A preflight, as a server answers it that was given no allowed origins. */
export function disallowedOrigin(base: Headers): NodeAnswer {
  const asked = ["Method", "Headers", "Private-Network"];
  return {
    status: 400,
    headers: [
      ...base,
      ["vary", ["Origin", ...asked.map((what) => `Access-Control-Request-${what}`)].join(", ")],
      ["access-control-allow-methods", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY"],
      ["access-control-max-age", "600"],
      ["content-length", "22"],
      ["content-type", "text/plain; charset=utf-8"],
    ],
    body: encoder.encode("Disallowed CORS origin"),
  };
}

/** An event stream; every item of `events` is one event and becomes one chunk. */
export function eventStream(base: Headers, events: AsyncIterable<string>): NodeAnswer {
  return {
    status: 200,
    headers: [...base, ["content-type", "text/event-stream; charset=utf-8"], ["vary", "Origin"]],
    body: encodeAll(events),
  };
}

async function* encodeAll(events: AsyncIterable<string>) {
  for await (const event of events) yield encoder.encode(event);
}

export const DONE = "data: [DONE]\n\n";

/** One event; `name` is for the APIs that name their events. */
export function event(data: unknown, name?: string): string {
  return `${name ? `event: ${name}\n` : ""}data: ${JSON.stringify(data)}\n\n`;
}
