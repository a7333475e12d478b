/** `/tokenize` and `/detokenize`. */
import { json } from "./answer.ts";
import { jsonBody, problem } from "./body.ts";
import { baseHeaders, type Route, servedModel } from "./core.ts";
import { invalid } from "./fault.ts";
import { detokenize, promptText, tokenize } from "./tokenizer.ts";

export const tokenizeText: Route = (core, call) => {
  const body = jsonBody(call, {});
  servedModel(core, body.model);
  const prompt = body.prompt ?? body.messages;
  if (prompt === undefined) {
    throw invalid("body.prompt", [
      problem("missing", "body.prompt", "Field required", "<dict of 0 items>"),
    ]);
  }
  const tokens = tokenize(promptText(prompt));
  return json(baseHeaders(core), {
    count: tokens.length,
    max_model_len: core.behaviour.maxModelLen,
    tokens,
    token_strs: body.return_token_strs === true ? tokens.map((id) => detokenize([id])) : null,
  });
};

export const detokenizeIds: Route = (core, call) => {
  const body = jsonBody(call, { tokens: "list" });
  servedModel(core, body.model);
  return json(baseHeaders(core), { prompt: detokenize((body.tokens as unknown[]).map(Number)) });
};
