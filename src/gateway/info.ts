/** Small answers of the gateway itself, and the methods that they may be asked with. */
import type { ServerRequest } from "../platform/http_messages.ts";
import { RequestError } from "./request_error.ts";

export function answerJson(
  value: unknown,
  { status = 200, headers = {} }: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  const body = new TextEncoder().encode(JSON.stringify(value));
  return new Response(body, {
    status,
    headers: {
      ...headers,
      "content-type": "application/json",
      "content-length": String(body.length),
    },
  });
}

/** @throws RequestError with the `Allow` header if the request's method is none of `methods` */
export function allowOnly(request: ServerRequest, methods: readonly string[]): void {
  if (methods.includes(request.method)) return;
  throw new RequestError(
    "method_not_allowed",
    `${request.method} is not allowed here: use ${methods.join(" or ")}`,
    { allow: [...methods, "OPTIONS"].join(", ") },
  );
}
