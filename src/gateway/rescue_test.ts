import { expect } from "expect";
import { textOf } from "../platform/http_body.ts";
import type { LogFields } from "../telemetry/log.ts";
import { silentLog } from "../telemetry/log.ts";
import { requestContext } from "../testing/requests.ts";
import { RequestError } from "./request_error.ts";
import { rescuer } from "./rescue.ts";

function rescued(error: unknown, path?: string, signal?: AbortSignal) {
  const errors: LogFields[] = [];
  const log = {
    ...silentLog,
    error: (_: string, fields: LogFields = {}) => void errors.push(fields),
  };
  const context = requestContext(path);
  const request = new Request("http://gateway.test/", signal ? { signal } : {});
  const response = rescuer(log)(error, request, context);
  return { response, context, errors };
}

Deno.test("rescue answers in the shape of the path, and notes the code", async () => {
  const error = new RequestError("overloaded", "try later");
  const chat = rescued(error);
  expect(JSON.parse(await textOf(chat.response.body))).toMatchObject({
    error: { code: "overloaded", param: null },
  });
  const messages = rescued(error, "/v1/messages/count_tokens");
  expect(JSON.parse(await textOf(messages.response.body)))
    .toMatchObject({ type: "error", error: { type: "overloaded_error" }, request_id: "req-1" });
  expect([chat.context.code, chat.errors]).toEqual(["overloaded", []]);
});

Deno.test("rescue tells the log of our bugs, and the client only that there is one", async () => {
  const { response, context, errors } = rescued(new TypeError("x is not a function"));
  expect([response.status, context.code]).toEqual([500, "internal_error"]);
  expect(await textOf(response.body)).not.toContain("x is not");
  expect(errors).toMatchObject([{ requestId: "req-1" }]);
  expect(errors[0]!.error).toContain("x is not a function");
});

Deno.test("rescue answers a client that has gone, so that its request is complete", () => {
  const gone = AbortSignal.abort(new Error("gone"));
  const { response, context, errors } = rescued(new Error("gone"), undefined, gone);
  expect([response.status, response.body, context.code, errors]).toEqual([
    499,
    null,
    undefined,
    [],
  ]);
});
