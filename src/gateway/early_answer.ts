/** How the answer to a request is begun early, if its client can take one: by what it asked for. */
import type { ModelSpec } from "../config/spec.ts";
import type { Clock } from "../platform/clock.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import type { Log } from "../telemetry/log.ts";
import type { Cancellation } from "./cancellation.ts";
import { apiOf } from "./envelope.ts";
import type { RequestFields } from "./fields.ts";
import type { KeepAlive } from "./keep_alive.ts";
import { earlyEvents, EVENT_STREAM_HEADERS } from "./keep_alive_events.ts";
import { earlyJson, JSON_HEADERS } from "./keep_alive_json.ts";
import type { RequestContext } from "./layers.ts";
import { rescue } from "./rescue.ts";
import { clientPatienceMs } from "./wait_limit.ts";

export interface EarlyAnswerOptions {
  readonly request: ServerRequest;
  readonly context: RequestContext;
  readonly spec: ModelSpec;
  readonly cancellation: Cancellation;
  readonly fields: RequestFields;
  readonly clock: Clock;
  readonly log: Log;
}

/** Undefined if the client must be left in silence: then only its patience bounds the wait. */
export function earlyAnswer(options: EarlyAnswerOptions): KeepAlive | undefined {
  const { request, context, spec, cancellation, clock, log, fields: { stream, model } } = options;
  if (!stream && !spec.keepAliveJson) return undefined;
  const { arrivedMs, path } = context;
  // Three comments within a client's patience, but never as many as a tiny one would ask for.
  const patienceMs = Math.max(3_000, clientPatienceMs(request.headers));
  const intervalMs = Math.min(spec.keepAliveIntervalMs, patienceMs / 3);
  const told = (error: unknown) => cancellation.left ? undefined : rescue(error, context, log);
  const common = { clock, arrivedMs, intervalMs, rescue: told };
  const chat = path.endsWith("/chat/completions")
    ? { id: `chatcmpl-${context.id}`, model: model ?? spec.name }
    : undefined;
  return {
    ...common,
    earlyHeadersAfterMs: spec.earlyHeadersAfterMs,
    headers: stream ? EVENT_STREAM_HEADERS : JSON_HEADERS,
    body: (answer) =>
      stream
        ? earlyEvents(answer, { ...common, api: apiOf(path), chat })
        : earlyJson(answer, common),
    leave: () => cancellation.leave(),
  };
}
