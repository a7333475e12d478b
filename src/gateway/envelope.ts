/** The body of an error answer, in the shape of the API that the client speaks. */
import type { ErrorAnswer } from "./error_table.ts";
import { answerJson } from "./info.ts";

/** Which of the wire formats a path belongs to; everything but the two named ones is chat's. */
export type Api = "chat" | "responses" | "messages";

/** The API of `path`, behind any route prefix. */
export function apiOf(path: string): Api {
  const [, name] = /\/v1\/(messages|responses)(?:\/|$)/.exec(path) ?? [];
  return name === undefined ? "chat" : name as Api;
}

/** The whole error answer; the request's id is for Anthropic's shape, which has a field for it. */
export function errorResponse(answer: ErrorAnswer, api: Api, requestId: string): Response {
  const body = api === "messages"
    ? {
      type: "error",
      error: { type: anthropicType(answer.status), message: answer.message },
      request_id: requestId,
    }
    : {
      error: {
        message: answer.message,
        type: answer.type,
        param: answer.param,
        code: answer.code,
      },
    };
  return answerJson(body, answer);
}

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  502: "api_error",
  503: "overloaded_error",
  504: "timeout_error",
};

/** Anthropic's word for a status, as its API documents them. */
export function anthropicType(status: number): string {
  return ANTHROPIC_TYPES[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
}
