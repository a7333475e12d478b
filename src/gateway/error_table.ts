/** Which status, type and headers each error of the request path gets: one row each, nowhere else. */
import {
  ClusterUnreachable,
  ColdStartTimeout,
  Draining,
  ModelAsleep,
  ModelUnavailable,
  Overloaded,
} from "../activator/errors.ts";
import { RequestError, type RequestErrorCode } from "./request_error.ts";

export type ErrorCode =
  | RequestErrorCode
  | "cold_start_timeout"
  | "model_unavailable"
  | "cluster_unreachable"
  | "internal_error";

interface Row {
  readonly status: number;
  readonly type: "invalid_request_error" | "rate_limit_error" | "server_error";
  /**
   * `retry-after` stays within 1-59 s: openai-node ignores more than 60, the AI SDK 60 and more,
   * openai-python gives up over 120, and Anthropic's SDKs park their caller for as long as it says.
   */
  readonly headers?: Readonly<Record<string, string>>;
}

const invalid = (status: number, headers?: Row["headers"]): Row => ({
  ...{ status, type: "invalid_request_error" },
  ...(headers ? { headers } : {}),
});

const server = (status: number, headers?: Row["headers"]): Row => ({
  ...{ status, type: "server_error" },
  ...(headers ? { headers } : {}),
});

const retryAfter = (seconds: number) => ({ "retry-after": String(seconds) });
const noRetry = { "x-should-retry": "false" };

export const ERROR_TABLE: Readonly<Record<ErrorCode, Row>> = {
  invalid_json: invalid(400),
  missing_required_parameter: invalid(400),
  invalid_api_key: invalid(401, { "www-authenticate": "Bearer" }),
  model_not_allowed: invalid(403),
  model_not_found: invalid(404),
  not_found: invalid(404),
  method_not_allowed: invalid(405),
  request_timeout: invalid(408),
  request_too_large: invalid(413),
  unsupported_media_type: invalid(415),
  upgrade_required: invalid(426, { upgrade: "websocket", connection: "upgrade" }),
  rate_limit_exceeded: { status: 429, type: "rate_limit_error", headers: retryAfter(1) },
  internal_error: server(500),
  upstream_unreachable: server(502, retryAfter(1)),
  overloaded: server(503, retryAfter(5)),
  cold_start_timeout: server(503, retryAfter(15)),
  model_asleep: server(503, retryAfter(30)),
  cluster_unreachable: server(503, retryAfter(5)),
  model_unavailable: server(503, noRetry),
  draining: server(503, retryAfter(1)),
  upstream_timeout: server(504, noRetry),
};

/** What a client is told: as an answer (`envelope.ts`) or in a stream (`stream_errors.ts`). */
export interface ErrorAnswer {
  readonly status: number;
  readonly type: string;
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

const ADMISSION_FAILURES = [
  Overloaded,
  ColdStartTimeout,
  ModelUnavailable,
  ModelAsleep,
  ClusterUnreachable,
  Draining,
];

/** The answer to `error`; what is no error of the closed sets is our bug and says no details. */
export function answerTo(error: unknown): ErrorAnswer {
  if (error instanceof RequestError) {
    const { param, allow } = error.options;
    return answer(error.code, error.message, param, allow === undefined ? {} : { allow });
  }
  for (const kind of ADMISSION_FAILURES) {
    if (error instanceof kind) return answer(error.code, error.message);
  }
  return answer("internal_error", "The gateway failed; its log has the details");
}

function answer(
  code: ErrorCode,
  message: string,
  param: string | null = null,
  more: Readonly<Record<string, string>> = {},
): ErrorAnswer {
  const { status, type, headers } = ERROR_TABLE[code];
  return { status, type, code, message, param, headers: { ...headers, ...more } };
}
