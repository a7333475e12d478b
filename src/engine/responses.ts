/** `/v1/responses`. Nothing is stored, so no id is ever found again, as with vLLM by default. */
import { event, json } from "./answer.ts";
import { jsonBody, numberField } from "./body.ts";
import {
  baseHeaders,
  collect,
  type Collected,
  type Core,
  generate,
  hexId,
  nowS,
  type Route,
  servedModel,
  stream,
} from "./core.ts";
import { Fault } from "./fault.ts";
import type { Token } from "./scheduler.ts";
import { countChatTokens } from "./tokenizer.ts";

export const responses: Route = async (core, call) => {
  const body = jsonBody(call, { input: "any" });
  const model = servedModel(core, body.model);
  const promptTokens = countChatTokens(Array.isArray(body.input) ? body.input : [body.input]);
  const maxTokens = numberField(body, "max_output_tokens");
  const ignoreEos = body.ignore_eos === true;
  const tokens = generate(core, call, { promptTokens, maxTokens, ignoreEos });
  const answer: Answer = {
    id: hexId(core, "resp_"),
    itemId: hexId(core, "msg_"),
    created: nowS(core),
    model,
    promptTokens,
    maxTokens: maxTokens ?? core.behaviour.maxModelLen - promptTokens,
  };
  if (body.stream === true) return stream(core, events(answer, tokens));
  return json(baseHeaders(core), response(answer, await collect(tokens)));
};

export const storedResponse: Route = (_core: Core, call) => {
  const id = decodeURIComponent(call.path.split("/")[3]!);
  throw new Fault({
    status: 404,
    type: "invalid_request_error",
    message: `Response with id '${id}' not found.`,
    param: "response_id",
    by: "server",
  });
};

interface Answer {
  readonly id: string;
  readonly itemId: string;
  readonly created: number;
  readonly model: string;
  readonly promptTokens: number;
  readonly maxTokens: number;
}

const STATUS = { stop: "completed", length: "incomplete", abort: "cancelled" } as const;

/** The response object; without `done` as it is while the answer is being made. */
function response(answer: Answer, done?: Collected) {
  return {
    id: answer.id,
    created_at: answer.created,
    incomplete_details: done?.finish === "length" ? { reason: "max_output_tokens" } : null,
    instructions: null,
    metadata: null,
    model: answer.model,
    object: "response",
    output: done ? [item(answer, done.text)] : [],
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: "none",
    tools: [],
    top_p: 1,
    background: false,
    max_output_tokens: answer.maxTokens,
    max_tool_calls: null,
    previous_response_id: null,
    prompt: null,
    reasoning: null,
    service_tier: "auto",
    status: done ? STATUS[done.finish as keyof typeof STATUS] : "in_progress",
    text: null,
    top_logprobs: null,
    truncation: "disabled",
    usage: done ? tokenUsage(answer.promptTokens, done.tokens) : null,
    user: null,
    presence_penalty: 0,
    frequency_penalty: 0,
    kv_transfer_params: null,
    ec_transfer_params: null,
    input_messages: null,
    output_messages: null,
  };
}

function tokenUsage(input: number, output: number) {
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: 0,
      cache_write_tokens: 0,
      input_tokens_per_turn: [],
      cached_tokens_per_turn: [],
    },
    output_tokens: output,
    output_tokens_details: {
      reasoning_tokens: 0,
      tool_output_tokens: 0,
      output_tokens_per_turn: [],
      tool_output_tokens_per_turn: [],
    },
    total_tokens: input + output,
  };
}

function part(text: string, logprobs: [] | null = null) {
  return { annotations: [], text, type: "output_text", logprobs };
}

/** The message in `output`; without `text` as it is when it begins. */
function item(answer: Answer, text?: string) {
  return {
    id: answer.itemId,
    content: text === undefined ? [] : [part(text)],
    role: "assistant",
    status: text === undefined ? "in_progress" : "completed",
    type: "message",
    phase: null,
  };
}

async function* events(answer: Answer, tokens: AsyncIterable<Token>): AsyncGenerator<string> {
  let sequence_number = 0;
  const say = (type: string, fields: object) => {
    const name = `response.${type}`;
    return event({ ...fields, sequence_number: sequence_number++, type: name }, name);
  };
  const where = { output_index: 0, item_id: answer.itemId, content_index: 0 };
  let text = "";
  let count = 0;
  let finish: Collected["finish"] = "abort";
  yield say("created", { response: response(answer) });
  yield say("in_progress", { response: response(answer) });
  let opened = false;
  for await (const token of tokens) {
    if (!opened) {
      yield say("output_item.added", { item: item(answer), output_index: 0 });
      yield say("content_part.added", { ...where, part: part("", []) });
      opened = true;
    }
    if (token.text) yield say("output_text.delta", { ...where, delta: token.text, logprobs: [] });
    text += token.text;
    if (token.finish !== "abort") count++;
    if (token.finish) finish = token.finish;
  }
  yield say("output_text.done", { ...where, logprobs: [], text });
  yield say("content_part.done", { ...where, part: part(text) });
  yield say("output_item.done", { item: item(answer, text), output_index: 0 });
  yield say("completed", { response: response(answer, { text, tokens: count, finish }) });
}
