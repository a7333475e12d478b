/** Small answers of the gateway itself, and the methods that they may be asked with. */
import { type AnswerOptions, answerText } from "../lib/answer_text.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import { RequestError } from "./request_error.ts";

export function answerJson(value: unknown, options: AnswerOptions = {}): Response {
  return answerText(JSON.stringify(value), "application/json", options);
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
