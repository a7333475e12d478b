/** `/v1/messages` and `/v1/messages/count_tokens`, Anthropic's API. */
import { event, json } from "./answer.ts";
import { jsonBody, type JsonObject, numberField } from "./body.ts";
import {
  answerId,
  baseHeaders,
  checkPromptLength,
  collect,
  generate,
  type Route,
  servedModel,
  stream,
} from "./core.ts";
import type { Finish } from "./metrics.ts";
import type { Token } from "./scheduler.ts";
import { countChatTokens } from "./tokenizer.ts";

const STOP_REASONS: Partial<Record<Finish, string>> = { stop: "end_turn", length: "max_tokens" };

export const messages: Route = async (core, call) => {
  const body = jsonBody(call, { messages: "list", max_tokens: "integer" });
  const model = servedModel(core, body.model);
  const promptTokens = countPrompt(body);
  const tokens = generate(core, call, {
    promptTokens,
    maxTokens: numberField(body, "max_tokens"),
    ignoreEos: body.ignore_eos === true,
  });
  const id = answerId(core, call, "chatcmpl-");
  if (body.stream === true) return stream(core, events(id, model, tokens, promptTokens));
  const { text, tokens: count, finish } = await collect(tokens);
  return json(baseHeaders(core), {
    id,
    type: "message",
    role: "assistant",
    content: [{ type: "text", text }],
    model,
    stop_reason: STOP_REASONS[finish],
    usage: { input_tokens: promptTokens, output_tokens: count },
  });
};

export const countMessageTokens: Route = (core, call) => {
  const body = jsonBody(call, { messages: "list" });
  servedModel(core, body.model);
  const count = countPrompt(body);
  checkPromptLength(core, count);
  return json(baseHeaders(core), {
    input_tokens: count,
    context_management: { original_input_tokens: count },
  });
};

function countPrompt(body: JsonObject): number {
  const system = body.system ? [body.system] : [];
  return countChatTokens([...system, ...body.messages as unknown[]]);
}

async function* events(
  id: string,
  model: string,
  tokens: AsyncIterable<Token>,
  promptTokens: number,
): AsyncGenerator<string> {
  const say = (type: string, rest: object = {}) => event({ type, ...rest }, type);
  const used = (output_tokens: number) => ({ input_tokens: promptTokens, output_tokens });
  let count = 0;
  let stop: string | null = null;
  for await (const { text, finish } of tokens) {
    if (count === 0) {
      yield say("message_start", {
        message: {
          id,
          type: "message",
          role: "assistant",
          content: [],
          model,
          stop_reason: null,
          stop_sequence: null,
          usage: used(0),
        },
      });
      yield say("content_block_start", { content_block: { type: "text", text: "" }, index: 0 });
    }
    if (text) {
      yield say("content_block_delta", { delta: { type: "text_delta", text }, index: 0 });
    }
    if (finish !== "abort") count++;
    if (finish) stop = STOP_REASONS[finish] ?? null;
  }
  yield say("content_block_stop", { index: 0 });
  yield say("message_delta", {
    delta: { stop_reason: stop, stop_sequence: null },
    usage: used(count),
  });
  yield say("message_stop");
}
