import { expect } from "expect";
import {
  ClusterUnreachable,
  ColdStartTimeout,
  Draining,
  ModelAsleep,
  ModelUnavailable,
  Overloaded,
} from "../activator/errors.ts";
import { answerTo, ERROR_TABLE, type ErrorCode } from "./error_table.ts";
import { errorResponse } from "./envelope.ts";
import { RequestError, type RequestErrorCode } from "./request_error.ts";

/** The table of the contract: status, OpenAI's type, Anthropic's type, headers. */
const ROWS: Record<ErrorCode, [number, string, string, Record<string, string>]> = {
  model_not_found: [404, "invalid_request_error", "not_found_error", {}],
  missing_required_parameter: [400, "invalid_request_error", "invalid_request_error", {}],
  invalid_json: [400, "invalid_request_error", "invalid_request_error", {}],
  unsupported_media_type: [415, "invalid_request_error", "invalid_request_error", {}],
  request_too_large: [413, "invalid_request_error", "request_too_large", {}],
  invalid_api_key: [401, "invalid_request_error", "authentication_error", {
    "www-authenticate": "Bearer",
  }],
  model_not_allowed: [403, "invalid_request_error", "permission_error", {}],
  overloaded: [503, "server_error", "overloaded_error", { "retry-after": "5" }],
  upgrade_required: [
    426,
    "invalid_request_error",
    "invalid_request_error",
    { upgrade: "websocket", connection: "upgrade" },
  ],
  rate_limit_exceeded: [429, "rate_limit_error", "rate_limit_error", { "retry-after": "1" }],
  cold_start_timeout: [503, "server_error", "overloaded_error", { "retry-after": "15" }],
  model_asleep: [503, "server_error", "overloaded_error", { "retry-after": "30" }],
  cluster_unreachable: [503, "server_error", "overloaded_error", { "retry-after": "5" }],
  request_timeout: [408, "invalid_request_error", "invalid_request_error", {}],
  not_found: [404, "invalid_request_error", "not_found_error", {}],
  method_not_allowed: [405, "invalid_request_error", "invalid_request_error", { allow: "GET" }],
  internal_error: [500, "server_error", "api_error", {}],
  model_unavailable: [503, "server_error", "overloaded_error", { "x-should-retry": "false" }],
  upstream_unreachable: [502, "server_error", "api_error", { "retry-after": "1" }],
  upstream_timeout: [504, "server_error", "timeout_error", { "x-should-retry": "false" }],
  draining: [503, "server_error", "overloaded_error", { "retry-after": "1" }],
};

/** Headers that tell a client what to do; none may be there without a row saying so. */
const TELLING = [
  "retry-after",
  "x-should-retry",
  "www-authenticate",
  "allow",
  "upgrade",
  "connection",
];

function errorWith(code: ErrorCode): unknown {
  switch (code) {
    case "overloaded":
      return new Overloaded("m", "why");
    case "cold_start_timeout":
      return new ColdStartTimeout("m", "why");
    case "model_asleep":
      return new ModelAsleep("m", "why");
    case "cluster_unreachable":
      return new ClusterUnreachable("m", "why");
    case "draining":
      return new Draining("m", "why");
    case "model_unavailable":
      return new ModelUnavailable("m", { kind: "image", message: "why" }, 10_000);
    case "internal_error":
      return new TypeError("secret details");
    case "method_not_allowed":
      return new RequestError(code, "why", { allow: "GET" });
    default:
      return new RequestError(code as RequestErrorCode, "why");
  }
}

function headersOf(response: Response): Record<string, string> {
  const pairs = TELLING.map((name) => [name, response.headers.get(name)] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== null)) as Record<string, string>;
}

for (const [code, [status, type, anthropic, headers]] of Object.entries(ROWS)) {
  const answer = answerTo(errorWith(code as ErrorCode));

  Deno.test(`errorResponse() tells ${code} in OpenAI's shape`, async () => {
    const response = errorResponse(answer, "chat", "req-1");
    expect([response.status, headersOf(response)]).toEqual([status, headers]);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({
      error: { message: expect.stringMatching(/why|log/), type, param: null, code },
    });
  });

  Deno.test(`errorResponse() tells ${code} in Anthropic's shape`, async () => {
    const response = errorResponse(answer, "messages", "req-1");
    expect([response.status, headersOf(response)]).toEqual([status, headers]);
    expect(await response.json()).toEqual({
      type: "error",
      error: { type: anthropic, message: expect.stringMatching(/why|log/) },
      request_id: "req-1",
    });
  });
}

Deno.test("ERROR_TABLE has a row for each code of the contract and keeps retry-after under a minute", () => {
  expect(Object.keys(ERROR_TABLE).sort()).toEqual(Object.keys(ROWS).sort());
  for (const { headers } of Object.values(ERROR_TABLE)) {
    const seconds = Number(headers?.["retry-after"] ?? 1);
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(59);
  }
});

Deno.test("answerTo() names the parameter at fault and hides the details of our bugs", () => {
  expect(answerTo(new RequestError("model_not_found", "why", { param: "model" })).param)
    .toBe("model");
  expect(JSON.stringify(answerTo(new TypeError("secret details")))).not.toContain("secret");
});

Deno.test("answerTo() says why a model cannot be woken", () => {
  const error = new ModelUnavailable("m", { kind: "image", message: "ImagePullBackOff" }, 1);
  expect(answerTo(error).message).toBe("Cannot wake model 'm': ImagePullBackOff");
});
