/** Small answers of the gateway itself, and the methods that they may be asked with. */
import type { ServerRequest } from "../platform/http_server.ts";
import { RequestError } from "./request_error.ts";

export function answerJson(value: unknown, status = 200): Response {
  return Response.json(value, { status });
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
