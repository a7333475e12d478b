import { expect } from "expect";
import { answerTo } from "./error_table.ts";
import { type Api, apiOf } from "./envelope.ts";
import { RequestError } from "./request_error.ts";
import { streamError } from "./stream_errors.ts";

const FAILED = answerTo(new RequestError("upstream_unreachable", 'it "died"\nhere'));

/** Events as every client reads them: blocks of fields, ended by a blank line. */
function eventsOf(text: string): { event?: string; data: string }[] {
  expect(text.endsWith("\n\n")).toBe(true);
  return text.slice(0, -2).split("\n\n").map((block) =>
    Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)))
  );
}

Deno.test("streamError() ends a chat stream with an unnamed error of numeric code and [DONE]", () => {
  const [error, done, ...more] = eventsOf(streamError(FAILED, "chat"));
  expect(error!.event).toBe(undefined);
  expect(JSON.parse(error!.data)).toEqual({
    error: { message: FAILED.message, type: "server_error", param: null, code: 502 },
  });
  expect([done, more]).toEqual([{ data: "[DONE]" }, []]);
});

Deno.test("streamError() ends a responses stream with one error event, flat and nested", () => {
  const [error, ...more] = eventsOf(streamError(FAILED, "responses"));
  expect(more).toEqual([]);
  expect(error!.event).toBe("error");
  const fields = { message: FAILED.message, code: "upstream_unreachable", param: null };
  expect(JSON.parse(error!.data)).toEqual({
    ...fields,
    type: "error",
    sequence_number: 0,
    error: { ...fields, type: "server_error" },
  });
});

Deno.test("streamError() ends a messages stream with Anthropic's overloaded_error", () => {
  const [error, ...more] = eventsOf(streamError(FAILED, "messages"));
  expect(more).toEqual([]);
  expect(error!.event).toBe("error");
  expect(JSON.parse(error!.data)).toEqual({
    type: "error",
    error: { type: "overloaded_error", message: FAILED.message },
  });
});

Deno.test("streamError() does not ask a messages client to try again what the model refused", () => {
  const answer = { ...FAILED, status: 400 };
  expect(streamError(answer, "messages")).toContain("invalid_request_error");
});

Deno.test("apiOf() knows the API by the path, behind any prefix", () => {
  const table: [string, Api][] = [
    ["/v1/chat/completions", "chat"],
    ["/v1/completions", "chat"],
    ["/v1/embeddings", "chat"],
    ["/v1/responses", "responses"],
    ["/v1/responses/resp_1", "responses"],
    ["/v1/messages", "messages"],
    ["/v1/messages/count_tokens", "messages"],
    ["/claude/v1/messages", "messages"],
    ["/v1/messages2", "chat"],
    ["/messages", "chat"],
  ];
  expect(table.map(([path]) => [path, apiOf(path)])).toEqual(table);
});
