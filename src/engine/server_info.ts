/** The routes about the server itself: health, models, metrics, and the remote control for sleep. */
import { empty, json, text } from "./answer.ts";
import { baseHeaders, hexId, nowS, type Route } from "./core.ts";
import { exposeMetrics } from "./metrics.ts";

export const VLLM_VERSION = "0.32.0";

export const health: Route = (core) => empty(baseHeaders(core), core.scheduler.dead ? 503 : 200);

export const version: Route = (core) => json(baseHeaders(core), { version: VLLM_VERSION });

/** 0 whatever runs: vLLM counts here only when a flag tells it to. */
export const load: Route = (core) => json(baseHeaders(core), { server_load: 0 });

export const metrics: Route = (core) =>
  text(
    baseHeaders(core),
    exposeMetrics(core.metrics, core.models[0]!, core.startedS),
    "text/plain; version=1.0.0; charset=utf-8",
  );

export const models: Route = (core) =>
  json(baseHeaders(core), {
    object: "list",
    data: core.models.map((id) => ({
      id,
      object: "model",
      created: nowS(core),
      owned_by: "vllm",
      root: core.models[0]!,
      parent: null,
      max_model_len: core.behaviour.maxModelLen,
      permission: [{
        id: hexId(core, "modelperm-"),
        object: "model_permission",
        created: nowS(core),
        allow_create_engine: false,
        allow_sampling: true,
        allow_logprobs: true,
        allow_search_indices: false,
        allow_view: true,
        allow_fine_tuning: false,
        organization: "*",
        group: null,
        is_blocking: false,
      }],
    })),
  });

/** Aborts what runs, or with `mode=wait` lets it finish first. */
export const sleep: Route = async (core, call) => {
  const level = call.query.get("level") === "2" ? 2 : 1;
  if (call.query.get("mode") === "wait") await core.scheduler.drained();
  else core.scheduler.abortAll();
  core.scheduler.sleep(level === 1 ? "weights_offloaded" : "discard_all");
  return json(baseHeaders(core), { status: "sleeping", level });
};

export const wakeUp: Route = (core, call) => {
  core.scheduler.wake();
  const tags = call.query.getAll("tags");
  return json(baseHeaders(core), { status: "awake", tags: tags.length ? tags : null });
};

export const isSleeping: Route = (core) =>
  json(baseHeaders(core), { is_sleeping: core.scheduler.asleep });
