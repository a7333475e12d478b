/** `/score`, `/rerank` and `/classify`: how well texts fit, judged by the words they share. */
import { json } from "./answer.ts";
import { jsonBody, numberField } from "./body.ts";
import { answerId, baseHeaders, detailedUsage, nowS, type Route, servedModel } from "./core.ts";
import { pool } from "./pooling.ts";
import { promptText } from "./tokenizer.ts";

export const score: Route = async (core, call) => {
  const body = jsonBody(call, {});
  const model = servedModel(core, body.model, true);
  const left = texts(body.text_1 ?? body.queries);
  const right = texts(body.text_2 ?? body.documents);
  const promptTokens = await pool(core, call, [...left, ...right]);
  return json(baseHeaders(core), {
    id: answerId(core, call, "score-"),
    object: "list",
    created: nowS(core),
    model,
    data: right.map((text, index) => ({
      index,
      object: "score",
      score: similarity(left[Math.min(index, left.length - 1)] ?? "", text),
    })),
    usage: detailedUsage(promptTokens, 0),
  });
};

export const rerank: Route = async (core, call) => {
  const body = jsonBody(call, { query: "any", documents: "list" });
  const model = servedModel(core, body.model, true);
  const query = promptText(body.query);
  const documents = texts(body.documents);
  const promptTokens = await pool(core, call, [query, ...documents]);
  const results = documents
    .map((text, index) => ({
      index,
      document: { text, multi_modal: null },
      relevance_score: similarity(query, text),
    }))
    .toSorted((a, b) => b.relevance_score - a.relevance_score)
    .slice(0, numberField(body, "top_n") || undefined);
  return json(baseHeaders(core), {
    id: answerId(core, call, "score-"),
    model,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
    results,
  });
};

/** Two classes, of which the first gets what the text shares with its name. */
export const classify: Route = async (core, call) => {
  const body = jsonBody(call, { input: "any" });
  const model = servedModel(core, body.model, true);
  const inputs = texts(body.input);
  const promptTokens = await pool(core, call, inputs);
  return json(baseHeaders(core), {
    id: answerId(core, call, "classify-"),
    object: "list",
    created: nowS(core),
    model,
    data: inputs.map((text, index) => {
      const yes = similarity("LABEL_0", text);
      return {
        index,
        label: yes > 0.5 ? "LABEL_0" : "LABEL_1",
        probs: [yes, 1 - yes],
        num_classes: 2,
      };
    }),
    usage: detailedUsage(promptTokens, 0),
  });
};

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(promptText) : [promptText(value)];
}

/** The share of their words that two texts have in common, kept off 0 and 1. */
export function similarity(a: string, b: string): number {
  const words = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []);
  const [left, right] = [words(a), words(b)];
  const all = left.union(right).size;
  return 0.05 + 0.9 * (all === 0 ? 0 : left.intersection(right).size / all);
}
