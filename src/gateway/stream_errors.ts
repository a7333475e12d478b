/**
 * A failure told within an event stream, in the one form of each API on which every client raises.
 * A stream that just ends is taken for a finished answer by most of them.
 */
import type { Api } from "./envelope.ts";
import type { ErrorAnswer } from "./error_table.ts";

/** The events to write after a finished event; close the stream after them. */
export function streamError(answer: ErrorAnswer, api: Api): string {
  const { message, type, code, param, status } = answer;
  switch (api) {
    case "chat":
      // No `event:` line and a numeric code: LangChain and openai-python look for these.
      return data({ error: { message, type, param, code: status } }) + "data: [DONE]\n\n";
    case "responses": {
      // Flat for those who follow OpenAI's schema, nested for the SDKs, which look for `error`.
      const flat = { type: "error", code, message, param, sequence_number: 0 };
      return `event: error\n${data({ ...flat, error: { message, type, param, code } })}`;
    }
    case "messages": {
      const error = { type: streamType(status), message };
      return `event: error\n${data({ type: "error", error })}`;
    }
  }
}

/** In a stream there is no status: only its word tells the SDK whether to try again. */
function streamType(status: number): string {
  return status >= 500 ? "overloaded_error" : "invalid_request_error";
}

function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
