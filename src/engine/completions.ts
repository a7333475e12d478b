/** `/v1/completions`. A list of prompts is answered as one. */
import { DONE, event, json } from "./answer.ts";
import { jsonBody, numberField } from "./body.ts";
import { wantsUsage } from "./chat.ts";
import {
  answerId,
  baseHeaders,
  collect,
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
import { countTokens, promptText } from "./tokenizer.ts";

/** vLLM's, where the request names no limit. */
const MAX_TOKENS_DEFAULT = 16;

export const completions: Route = async (core, call) => {
  const body = jsonBody(call, { prompt: "any" });
  const model = servedModel(core, body.model);
  const promptTokens = countTokens(promptText(body.prompt));
  const tokens = generate(core, call, {
    promptTokens,
    maxTokens: numberField(body, "max_tokens") ?? MAX_TOKENS_DEFAULT,
    ignoreEos: body.ignore_eos === true,
  });
  const head = { id: answerId(core, call, "cmpl-"), object: "text_completion" };
  const common = { ...head, created: nowS(core), model };
  if (body.stream === true) {
    return stream(core, chunks(common, tokens, promptTokens, wantsUsage(body)));
  }
  const { text, tokens: count, finish } = await collect(tokens);
  return json(baseHeaders(core), {
    ...common,
    choices: [{
      index: 0,
      text,
      logprobs: null,
      finish_reason: finish,
      stop_reason: null,
      token_ids: null,
      prompt_logprobs: null,
      prompt_token_ids: null,
      routed_experts: null,
    }],
    service_tier: null,
    system_fingerprint: FINGERPRINT,
    usage: detailedUsage(promptTokens, count),
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  });
};

async function* chunks(
  common: object,
  tokens: AsyncIterable<Token>,
  promptTokens: number,
  withUsage: boolean,
): AsyncGenerator<string> {
  const last = { system_fingerprint: FINGERPRINT };
  let count = 0;
  for await (const { text, finish } of tokens) {
    if (finish !== "abort") count++;
    const choice = {
      index: 0,
      text,
      logprobs: null,
      finish_reason: finish,
      stop_reason: null,
      prompt_token_ids: null,
      token_ids: null,
    };
    yield event({ ...common, choices: [choice], ...(finish && !withUsage ? last : {}) });
  }
  if (withUsage) {
    yield event({ ...common, choices: [], usage: usage(promptTokens, count), ...last });
  }
  yield DONE;
}
