/** `/v1/chat/completions`. */
import { DONE, event, json } from "./answer.ts";
import { jsonBody, numberField } from "./body.ts";
import {
  answerId,
  baseHeaders,
  type Call,
  collect,
  type Core,
  detailedUsage,
  FINGERPRINT,
  generate,
  nowS,
  type Route,
  servedModel,
  stream,
  usage,
} from "./core.ts";
import type { Token } from "./scheduler.ts";
import { countChatTokens } from "./tokenizer.ts";

export const chat: Route = async (core: Core, call: Call) => {
  const body = jsonBody(call, { messages: "list" });
  const model = servedModel(core, body.model);
  const promptTokens = countChatTokens(body.messages as unknown[]);
  const tokens = generate(core, call, {
    promptTokens,
    maxTokens: numberField(body, "max_completion_tokens", "max_tokens"),
    ignoreEos: body.ignore_eos === true,
  });
  const head = { id: answerId(core, call, "chatcmpl-"), created: nowS(core), model };
  if (body.stream === true) {
    return stream(core, chunks(head, tokens, promptTokens, wantsUsage(body)));
  }
  const { text, tokens: count, finish } = await collect(tokens);
  return json(baseHeaders(core), {
    id: head.id,
    object: "chat.completion",
    created: head.created,
    model,
    choices: [{
      index: 0,
      message: {
        role: "assistant",
        content: text,
        refusal: null,
        annotations: null,
        audio: null,
        function_call: null,
        reasoning: null,
      },
      logprobs: null,
      finish_reason: finish,
      stop_reason: null,
      token_ids: null,
      routed_experts: null,
    }],
    service_tier: null,
    system_fingerprint: FINGERPRINT,
    usage: detailedUsage(promptTokens, count),
    prompt_logprobs: null,
    prompt_token_ids: null,
    prompt_text: null,
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  });
};

export function wantsUsage(body: Readonly<Record<string, unknown>>): boolean {
  const options = body.stream_options as { include_usage?: unknown } | null | undefined;
  return options?.include_usage === true;
}

interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

async function* chunks(
  { id, created, model }: Head,
  tokens: AsyncIterable<Token>,
  promptTokens: number,
  withUsage: boolean,
): AsyncGenerator<string> {
  const chunk = (choices: unknown[], rest: object = {}) =>
    event({ id, object: "chat.completion.chunk", created, model, choices, ...rest });
  // The last chunk says which build answered: the one with the usage, if there is one.
  const last = { system_fingerprint: FINGERPRINT };
  let count = 0;
  let opened = false;
  for await (const { text, finish } of tokens) {
    if (!opened) {
      const delta = { role: "assistant", content: "" };
      yield chunk([{ index: 0, delta, logprobs: null, finish_reason: null }], {
        prompt_token_ids: null,
        prompt_text: null,
      });
      opened = true;
    }
    if (finish !== "abort") count++;
    yield chunk([{
      index: 0,
      delta: { content: text },
      logprobs: null,
      finish_reason: finish,
      ...(finish ? { stop_reason: null } : {}),
      token_ids: null,
    }], finish && !withUsage ? last : {});
  }
  if (withUsage) yield chunk([], { usage: usage(promptTokens, count), ...last });
  yield DONE;
}
