/** `/v1/embeddings`, `/pooling` and `/v2/embed`: vectors that depend on nothing but the text. */
import { json, text } from "./answer.ts";
import { jsonBody, type JsonObject, numberField } from "./body.ts";
import {
  answerId,
  baseHeaders,
  type Call,
  checkPromptLength,
  collect,
  type Core,
  detailedUsage,
  nowS,
  type Route,
  servedModel,
} from "./core.ts";
import { badRequest } from "./fault.ts";
import { countTokens, promptText } from "./tokenizer.ts";

const DIMENSIONS_DEFAULT = 64;

/** What an encoder puts around every text. */
const MARKER_TOKENS = 2;

/** Runs the texts through the engine; the number of tokens they have. */
export async function pool(core: Core, call: Call, texts: readonly string[]): Promise<number> {
  const counts = texts.map((text) => countTokens(text) + MARKER_TOKENS);
  for (const count of counts) checkPromptLength(core, count);
  const promptTokens = counts.reduce((sum, count) => sum + count, 0);
  const { signal } = call;
  await collect(core.scheduler.submit({ promptTokens, tokens: 0, finish: "stop", signal }));
  return promptTokens;
}

export const embeddings: Route = async (core, call) => {
  const body = jsonBody(call, { input: "any" });
  const model = servedModel(core, body.model, true);
  const texts = inputTexts(body.input);
  const promptTokens = await pool(core, call, texts);
  const id = answerId(core, call, "embd-");
  const vectors = texts.map((text) => vector(text, dimensions(body)));
  if (body.encoding_format === "bytes") {
    return embeddingBytes(core, { id, created: nowS(core), model }, vectors, promptTokens);
  }
  const base64 = body.encoding_format === "base64";
  return json(baseHeaders(core), {
    id,
    object: "list",
    created: nowS(core),
    model,
    data: vectors.map((vector, index) => ({
      index,
      object: "embedding",
      embedding: base64 ? toBase64(vector) : Array.from(vector),
    })),
    usage: detailedUsage(promptTokens, 0),
  });
};

export const pooling: Route = async (core, call) => {
  const body = jsonBody(call, { input: "any" });
  const model = servedModel(core, body.model, true);
  const texts = inputTexts(body.input);
  const promptTokens = await pool(core, call, texts);
  return json(baseHeaders(core), {
    id: answerId(core, call, "pooling-"),
    object: "list",
    created: nowS(core),
    model,
    data: texts.map((text, index) => ({
      index,
      object: "pooling",
      data: Array.from(vector(text, dimensions(body))),
    })),
    usage: detailedUsage(promptTokens, 0),
  });
};

/** Cohere's API. A model without task instructions refuses every `input_type`. */
export const cohereEmbed: Route = async (core, call) => {
  const body = jsonBody(call, { texts: "list" });
  servedModel(core, body.model, true);
  if (typeof body.input_type === "string") {
    throw badRequest(
      `Unsupported input_type '${body.input_type}'. This model does not define any input_type ` +
        "task instructions.",
      null,
    );
  }
  const texts = inputTexts(body.texts);
  const promptTokens = await pool(core, call, texts);
  return json(baseHeaders(core), {
    id: answerId(core, call, "embd-"),
    embeddings: { float: texts.map((text) => Array.from(vector(text, dimensions(body)))) },
    texts,
    meta: { api_version: { version: "2" }, billed_units: { input_tokens: promptTokens } },
  });
};

/** One string, several, or (as one text) token ids. */
function inputTexts(input: unknown): string[] {
  if (!Array.isArray(input) || typeof input[0] === "number") return [promptText(input)];
  return input.map(promptText);
}

function dimensions(body: JsonObject): number {
  return numberField(body, "dimensions") ?? DIMENSIONS_DEFAULT;
}

/** Pseudo-random numbers in [-1, 1), seeded by the text (FNV-1a, then a linear congruence). */
function vector(text: string, length: number): Float32Array {
  let state = 0x811c9dc5;
  for (const char of text) state = Math.imul(state ^ char.codePointAt(0)!, 0x01000193);
  return Float32Array.from({ length }, () => {
    state = Math.imul(state, 1664525) + 1013904223;
    return (state >>> 0) / 2 ** 31 - 1;
  });
}

function bytesOf(vector: Float32Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

function toBase64(vector: Float32Array): string {
  return btoa(String.fromCharCode(...bytesOf(vector)));
}

/** The numbers themselves as the body; what they are stands in a header. */
function embeddingBytes(
  core: Core,
  head: object,
  vectors: readonly Float32Array[],
  promptTokens: number,
) {
  let end = 0;
  const data = vectors.map((vector, index) => {
    const start = end;
    end += vector.byteLength;
    const shape = [vector.length];
    return { index, embed_dtype: "float32", endianness: "native", start, end, shape };
  });
  const metadata = JSON.stringify({
    ...head,
    data,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  });
  const bytes = new Uint8Array(end);
  vectors.forEach((vector, i) => bytes.set(bytesOf(vector), data[i]!.start));
  const { headers, ...answer } = text(baseHeaders(core), bytes, "application/octet-stream", {
    before: [["metadata", metadata]],
  });
  return {
    ...answer,
    // vLLM streams it.
    headers: headers.filter(([name]) => name !== "content-length"),
    body: once(bytes),
  };
}

async function* once<T>(item: T): AsyncGenerator<T> {
  yield await Promise.resolve(item);
}
