/** Which route answers: the table, and what Starlette says when none does. */
import type { NodeAnswer } from "../platform/node_server.ts";
import { detail, disallowedOrigin, empty, json, redirect } from "./answer.ts";
import { chat } from "./chat.ts";
import { completions } from "./completions.ts";
import { baseHeaders, type Call, type Core, type Route } from "./core.ts";
import { faultAnswer, openaiError, shuttingDown } from "./fault.ts";
import { countMessageTokens, messages } from "./messages.ts";
import type { EngineOptions } from "./options.ts";
import { cohereEmbed, embeddings, pooling } from "./pooling.ts";
import { realtime } from "./realtime.ts";
import { responses, storedResponse } from "./responses.ts";
import { classify, rerank, score } from "./scoring.ts";
import {
  health,
  isSleeping,
  load,
  metrics,
  models,
  sleep,
  version,
  wakeUp,
} from "./server_info.ts";
import { detokenizeIds, tokenizeText } from "./tokens.ts";
import { transcribe } from "./transcription.ts";

/** `server` routes answer also while the engine hangs or shuts down. */
type Kind = "server" | "generate" | "pooling" | "both" | "dev";

type Entry = readonly [
  method: "GET" | "POST" | "WS",
  path: string | RegExp,
  kind: Kind,
  route: Route,
];

const ROUTES: readonly Entry[] = [
  ["GET", "/health", "server", health],
  ["GET", "/ping", "server", health],
  ["POST", "/ping", "server", health],
  ["GET", "/version", "server", version],
  ["GET", "/load", "server", load],
  ["GET", "/metrics", "server", metrics],
  ["GET", "/v1/models", "server", models],
  ["POST", "/v1/chat/completions", "generate", chat],
  ["POST", "/v1/completions", "generate", completions],
  ["POST", "/v1/responses", "generate", responses],
  ["GET", /^\/v1\/responses\/[^/]+$/, "generate", storedResponse],
  ["POST", /^\/v1\/responses\/[^/]+\/cancel$/, "generate", storedResponse],
  ["POST", "/v1/messages", "generate", messages],
  ["POST", "/v1/messages/count_tokens", "generate", countMessageTokens],
  ["POST", "/v1/audio/transcriptions", "generate", transcribe("transcription")],
  ["POST", "/v1/audio/translations", "generate", transcribe("translation")],
  ["WS", "/v1/realtime", "generate", realtime],
  ["POST", "/tokenize", "both", tokenizeText],
  ["POST", "/detokenize", "both", detokenizeIds],
  ["POST", "/v1/embeddings", "pooling", embeddings],
  ["POST", "/v2/embed", "pooling", cohereEmbed],
  ["POST", "/pooling", "pooling", pooling],
  ["POST", "/classify", "pooling", classify],
  ["POST", "/score", "pooling", score],
  ["POST", "/v1/score", "pooling", score],
  ["POST", "/rerank", "pooling", rerank],
  ["POST", "/v1/rerank", "pooling", rerank],
  ["POST", "/v2/rerank", "pooling", rerank],
  ["POST", "/sleep", "dev", sleep],
  ["POST", "/wake_up", "dev", wakeUp],
  ["GET", "/is_sleeping", "dev", isSleeping],
];

/** How the server stands when the request comes. */
export type Stage = "loading" | "serving" | "draining";

export type Router = (core: Core, call: Call, stage: Stage) => Promise<NodeAnswer>;

export function createRouter({ runner, dev }: Pick<EngineOptions, "runner" | "dev">): Router {
  const offered = ROUTES.filter(([, , kind]) =>
    kind === "dev" ? dev : kind === "server" || kind === "both" || runner === "all" ||
      runner === kind
  );
  const at = (path: string) =>
    offered.filter(([, own]) => typeof own === "string" ? own === path : own.test(path));

  return async (core, call, stage) => {
    const base = baseHeaders(core);
    if (stage === "loading") return loading(core);
    if (isPreflight(call)) return disallowedOrigin(base);
    const entries = at(call.path).filter(([method]) => (method === "WS") === call.isWebSocket);
    const entry = entries.find(([method]) => call.isWebSocket || method === call.method);
    if (!entry && call.isWebSocket) return empty(base, 403);
    if (entry) return await answer(core, call, entry, stage);
    if (entries.length > 0) {
      const allow = entries.map(([method]) => method).join(", ");
      return forMethod(call, detail(base, 405, "Method Not Allowed", [["allow", allow]]));
    }
    const bare = call.path.replace(/\/$/, "");
    if (bare !== call.path && at(bare).length > 0) return redirect(base, location(call, bare));
    return forMethod(call, detail(base, 404, "Not Found"));
  };
}

async function answer(
  core: Core,
  call: Call,
  [, , kind, route]: Entry,
  stage: Stage,
): Promise<NodeAnswer> {
  if (kind !== "server" && core.behaviour.hang === "requests") return await new Promise(() => {});
  try {
    if (kind !== "server" && stage === "draining") throw shuttingDown();
    const answer = await route(core, call);
    return kind !== "server" && core.behaviour.cutMidAnswer ? cut(answer) : answer;
  } catch (error) {
    const anthropic = call.path.startsWith("/v1/messages");
    return faultAnswer(baseHeaders(core), error, anthropic);
  }
}

/** Half of what is no stream, under a length that promises all of it. */
function cut(answer: NodeAnswer): NodeAnswer {
  const { body } = answer;
  return body instanceof Uint8Array ? { ...answer, body: halfOf(body) } : answer;
}

async function* halfOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes.subarray(0, bytes.length / 2));
  throw new Error("Cut in mid-answer");
}

/** What llama.cpp says; vLLM never answers while it loads. */
function loading(core: Core): NodeAnswer {
  return json(
    baseHeaders(core),
    openaiError({
      status: 503,
      type: "unavailable_error",
      message: "Loading model",
      by: "server",
    }),
    503,
  );
}

function isPreflight(call: Call): boolean {
  return call.method === "OPTIONS" && call.headers.has("origin") &&
    call.headers.has("access-control-request-method");
}

/** A HEAD gets the headers alone. */
function forMethod(call: Call, answer: NodeAnswer): NodeAnswer {
  return call.method === "HEAD" ? { ...answer, body: new Uint8Array() } : answer;
}

function location(call: Call, path: string): string {
  const query = call.query.size > 0 ? `?${call.query}` : "";
  return `http://${call.headers.get("host") ?? "localhost"}${path}${query}`;
}
