/**
 * Admission and sending, until somebody answers: a request that nobody took waits again. One whose
 * connection ended before the first byte is given up here: if that connection was a pooled one, `fetch`
 * has sent it a second time already.
 */
import type { Admission, AdmitOptions, Permit } from "../activator/admission.ts";
import type { ModelSpec } from "../config/spec.ts";
import type { Clock } from "../platform/clock.ts";
import type { Fetch } from "../platform/fetch.ts";
import type { Tcp } from "../platform/tcp.ts";
import type { Log } from "../telemetry/log.ts";
import type { Cancellation } from "./cancellation.ts";
import type { RequestContext } from "./layers.ts";
import { RequestError } from "./request_error.ts";
import { type Outgoing, send, type Unanswered } from "./send.ts";

/**
 * How often one request may find that nobody took it before it is given up. Once, because "refused" is
 * not certain: `fetch` repeats a request by itself whose pooled connection died, and says `refused` if
 * the engine had died of it. Sent again and again, such a request would kill one engine after the other.
 */
const REFUSALS_MAX = 1;

export interface Exchange {
  readonly context: RequestContext;
  readonly spec: ModelSpec;
  readonly outgoing: Outgoing;
  readonly cancellation: Cancellation;
  readonly fetch: Fetch;
  readonly coldStart: "wait" | "never";
  /** On waiting, from the request's arrival. */
  readonly waitMaxMs: number | undefined;
  /** The model as configured now: a reload may replace it while the request waits. */
  admission(): Admission;
  /** Throws what is wrong with the request; called before it may wait for, or wake, anything. */
  validate(): void;
  /** Called when the request begins to wait. */
  onWait?(): void;
}

export interface ExchangeTools {
  readonly clock: Clock;
  readonly tcp: Tcp;
  readonly log: Log;
}

/** What an upstream answered, its body unread. */
export interface Answer {
  readonly response: Response;
  readonly endpoint: string;
}

/** @throws RequestError, AdmissionFailure, or the signal's reason when the client has gone */
export async function exchange(request: Exchange, tools: ExchangeTools): Promise<Answer> {
  const { spec, outgoing, fetch, cancellation } = request;
  for (let refusals = 0;; refusals++) {
    const permit = await admit(request, tools);
    const { connectTimeoutMs, responseTimeoutMs } = spec;
    const sent = await send(outgoing, permit.endpoint, {
      ...{ ...tools, fetch, cancellation, connectTimeoutMs, responseTimeoutMs },
    });
    if (sent.kind === "answered") return { response: sent.response, endpoint: permit.endpoint };
    if (sent.kind === "refused") permit.refused();
    permit[Symbol.dispose]();
    if (sent.kind !== "refused" || refusals === REFUSALS_MAX) {
      throw failed(request, permit.endpoint, sent, tools);
    }
  }
}

/** A permit that is given back when the response is complete, whoever it goes to. */
export async function admit(
  request: Exchange,
  { clock }: Pick<ExchangeTools, "clock">,
): Promise<Permit> {
  const { context, coldStart, waitMaxMs, cancellation } = request;
  const admission = request.admission();
  // From here to `admit` nothing may be awaited: the gate that is open now must be the one we meet.
  if (!admission.isOpen()) request.validate();
  const options: AdmitOptions = {
    signal: cancellation.signal,
    coldStart,
    ...(waitMaxMs === undefined
      ? {}
      : { timeoutMs: Math.max(0, context.arrivedMs + waitMaxMs - clock.nowMs()) }),
  };
  const admitted = admission.admit(options);
  if (admitted instanceof Promise) request.onWait?.();
  const permit = await admitted;
  context.keep(permit);
  if (permit.coldStartMs !== undefined) {
    context.coldStartMs = (context.coldStartMs ?? 0) + permit.coldStartMs;
  }
  return permit;
}

/** What the client is told; the log gets the address and the words of the platform. */
export function failed(
  { context, spec: { name, responseTimeoutMs } }: Exchange,
  endpoint: string,
  sent: Unanswered,
  { log }: Pick<ExchangeTools, "log">,
): RequestError {
  const silent = sent.kind === "silent";
  log.warn(silent ? "no answer from the upstream" : "upstream failed", {
    ...{ model: name, requestId: context.id, endpoint },
    ...(silent ? {} : { reason: `${sent.kind}: ${sent.reason}` }),
  });
  if (silent) {
    return new RequestError(
      "upstream_timeout",
      `Model '${name}' sent no answer within ${responseTimeoutMs / 1000} s (responseTimeout)`,
    );
  }
  return new RequestError(
    "upstream_unreachable",
    sent.kind === "refused"
      ? `Model '${name}' is not reachable: its server refuses connections`
      : `The server of model '${name}' broke the connection before it answered`,
  );
}
