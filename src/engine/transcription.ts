/** `/v1/audio/transcriptions` and `/v1/audio/translations`: what is "heard" is the usual words. */
import { DONE, event, json, text } from "./answer.ts";
import { problem } from "./body.ts";
import {
  baseHeaders,
  type Call,
  collect,
  type Core,
  generate,
  hexId,
  nowS,
  type Route,
  servedModel,
  stream,
} from "./core.ts";
import { invalid, UnreadableBody } from "./fault.ts";
import type { Token } from "./scheduler.ts";

/** Bytes of a second of sound: 16 bits, 16 kHz, one channel. */
const BYTES_PER_SECOND = 32_000;

/** What the encoder makes of a second of sound. */
const TOKENS_PER_SECOND = 50;

/** `kind` is what streamed chunks are called. */
export function transcribe(kind: "transcription" | "translation"): Route {
  return async (core, call) => {
    const form = await readForm(call);
    const model = servedModel(core, form.get("model"));
    const seconds = Math.max(1, Math.ceil((form.get("file") as File).size / BYTES_PER_SECOND));
    const tokens = generate(core, call, {
      promptTokens: Math.min(seconds * TOKENS_PER_SECOND, core.behaviour.maxModelLen),
      maxTokens: undefined,
      ignoreEos: false,
    });
    if (form.get("stream") === "true") return stream(core, chunks(core, kind, model, tokens));
    const heard = (await collect(tokens)).text;
    if (form.get("response_format") === "text") {
      return text(baseHeaders(core), heard, "text/plain; charset=utf-8");
    }
    return json(baseHeaders(core), { text: heard, usage: { type: "duration", seconds } });
  };
}

async function readForm(call: Call): Promise<FormData> {
  const headers = { "content-type": call.headers.get("content-type") ?? "" };
  let form: FormData;
  try {
    form = await new Response(call.body, { headers }).formData();
  } catch {
    throw new UnreadableBody();
  }
  if (form.get("file") instanceof File) return form;
  throw invalid("body.file", [problem("missing", "body.file", "Field required", "None")]);
}

async function* chunks(
  core: Core,
  kind: string,
  model: string,
  tokens: AsyncIterable<Token>,
): AsyncGenerator<string> {
  const head = { id: hexId(core, "trsc-"), object: `${kind}.chunk`, created: nowS(core), model };
  for await (const { text, finish } of tokens) {
    yield event({
      ...head,
      choices: [{ delta: { content: text }, finish_reason: finish, stop_reason: null }],
    });
  }
  yield DONE;
}
