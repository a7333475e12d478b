/** What every route is given, and the steps that all generating routes share. */
import type { Clock } from "../platform/clock.ts";
import type { NodeAnswer } from "../platform/node_server.ts";
import type { Random } from "../platform/random.ts";
import { DONE, event, eventStream, type Headers, uvicornHeaders } from "./answer.ts";
import { badRequest, EngineDead, Fault, openaiError } from "./fault.ts";
import type { Finish, Metrics } from "./metrics.ts";
import type { Behaviour } from "./options.ts";
import type { Scheduler, Token } from "./scheduler.ts";

export interface Core {
  readonly clock: Clock;
  readonly random: Random;
  readonly behaviour: Behaviour;
  readonly models: readonly string[];
  readonly metrics: Metrics;
  readonly scheduler: Scheduler;
  readonly startedS: number;
  /** The whole engine ends now, as a crash does. */
  die(): void;
}

/** A request whose body is there. */
export interface Call {
  readonly method: string;
  readonly isWebSocket: boolean;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

export type Route = (core: Core, call: Call) => NodeAnswer | Promise<NodeAnswer>;

export const FINGERPRINT = "vllm-0.32.0-5ea51de1";

export function baseHeaders(core: Core): Headers {
  return uvicornHeaders(core.clock.wallMs());
}

export function nowS(core: Core): number {
  return Math.floor(core.clock.wallMs() / 1000);
}

export function hexId(core: Core, prefix: string): string {
  return prefix + core.random.uuid().replaceAll("-", "").slice(0, 16);
}

/** The client's `X-Request-Id` becomes part of the answer's id. */
export function answerId(core: Core, call: Call, prefix: string): string {
  const given = call.headers.get("x-request-id");
  return given ? prefix + given : hexId(core, prefix);
}

/** @throws {Fault} 404 */
export function servedModel(core: Core, model: unknown, pooling = false): string {
  if (model === undefined || model === null || model === "") return core.models[0]!;
  if (core.models.includes(model as string)) return model as string;
  const aliases = pooling ? "" : ` Valid aliases: ${core.models.join(", ")}.`;
  throw new Fault({
    status: 404,
    type: "NotFoundError",
    message: `The model \`${model}\` does not exist.${aliases}`,
    param: pooling ? null : "model",
    by: "server",
  });
}

/** @throws {Fault} 400 if the prompt alone fills the context */
export function checkPromptLength({ behaviour: { maxModelLen } }: Core, promptTokens: number) {
  if (promptTokens <= maxModelLen) return;
  throw badRequest(
    `This model's maximum context length is ${maxModelLen} tokens. However, your prompt contains ` +
      `at least ${
        maxModelLen + 1
      } input tokens, which exceeds this limit even without any output ` +
      "tokens. Please reduce the length of the input prompt. " +
      `(parameter=input_tokens, value=${maxModelLen + 1})`,
    "input_tokens",
  );
}

export interface Ask {
  readonly promptTokens: number;
  /** The request's `max_tokens`, under whatever name. */
  readonly maxTokens: number | undefined;
  readonly ignoreEos: boolean;
}

/** @throws {Fault} 400 too long, 503 queue full, 500 engine dead */
export function generate(core: Core, call: Call, ask: Ask): AsyncGenerator<Token> {
  const { maxModelLen, tokens: own } = core.behaviour;
  const { promptTokens, maxTokens = Infinity, ignoreEos } = ask;
  if (maxTokens < 1) {
    throw badRequest(`max_tokens must be at least 1, got ${maxTokens}.`, "max_tokens");
  }
  checkPromptLength(core, promptTokens);
  if (maxTokens !== Infinity && maxTokens > maxModelLen) {
    throw badRequest(
      `max_tokens=${maxTokens} cannot be greater than max_model_len=${maxModelLen}. Please ` +
        `request fewer output tokens. (parameter=max_tokens, value=${maxTokens})`,
      "max_tokens",
    );
  }
  const limit = Math.min(maxTokens, Math.max(1, maxModelLen - promptTokens));
  const natural = ignoreEos ? Infinity : own;
  return core.scheduler.submit({
    promptTokens,
    tokens: Math.min(limit, natural),
    finish: limit <= natural ? "length" : "stop",
    signal: call.signal,
  });
}

export interface Collected {
  readonly text: string;
  readonly tokens: number;
  readonly finish: Finish;
}

/** The whole answer, when it is there. */
export async function collect(tokens: AsyncIterable<Token>): Promise<Collected> {
  let text = "";
  let count = 0;
  let finish: Finish = "abort";
  for await (const token of tokens) {
    text += token.text;
    if (token.finish !== "abort") count++;
    if (token.finish) finish = token.finish;
  }
  return { text, tokens: count, finish };
}

/** A stream that may be made to break, and in which a dead engine speaks. */
export function stream(core: Core, events: AsyncIterable<string>): NodeAnswer {
  return eventStream(baseHeaders(core), breaking(core, speaking(events)));
}

async function* speaking(events: AsyncIterable<string>) {
  try {
    yield* events;
  } catch (error) {
    if (!(error instanceof EngineDead)) throw error;
    yield event(openaiError(error.data));
    yield DONE;
  }
}

/** As many of `events` as there are to be before the engine dies, or the connection breaks. */
export async function* breaking<T>(core: Core, events: AsyncIterable<T>): AsyncGenerator<T> {
  let sent = 0;
  for await (const one of events) {
    const dies = sent >= core.behaviour.dieMidStream;
    if (dies) core.die();
    if (dies || sent >= core.behaviour.cutMidStream) throw new Error(`Cut after ${sent} events`);
    yield one;
    sent++;
  }
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly total_tokens: number;
  readonly completion_tokens: number;
}

export function usage(promptTokens: number, completionTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
  };
}

/** As it stands in whole answers. */
export function detailedUsage(promptTokens: number, completionTokens: number) {
  return {
    ...usage(promptTokens, completionTokens),
    prompt_tokens_details: null,
    completion_tokens_details: null,
  };
}
