/**
 * Admission and sending, until somebody answers: a request that nobody took waits again. One whose
 * connection ended before the first byte is given up here: if that connection was a pooled one, the client
 * has sent it a second time already.
 */
import type { Admission, AdmitOptions, Permit } from "../activator/admission.ts";
import type { ModelSpec } from "../config/spec.ts";
import type { Clock } from "../platform/clock.ts";
import type { SendRequest } from "../platform/http_client.ts";
import type { HttpResponse } from "../platform/http_messages.ts";
import type { Tcp } from "../platform/tcp.ts";
import type { Log } from "../telemetry/log.ts";
import type { Cancellation } from "./cancellation.ts";
import type { RequestContext } from "./layers.ts";
import { RequestError } from "./request_error.ts";
import { type Outgoing, send, type Unanswered } from "./send.ts";

/**
 * How often one request may find that nobody took it before it is given up. Once, because "refused" is
 * not certain: the client repeats a request by itself whose pooled connection died, and says `refused` if
 * the engine had died of it. Sent again and again, such a request would kill one engine after the other.
 */
const REFUSALS_MAX = 1;

export interface Exchange {
  readonly context: RequestContext;
  readonly spec: ModelSpec;
  readonly outgoing: Outgoing;
  readonly cancellation: Cancellation;
  readonly sendRequest: SendRequest;
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
  readonly response: HttpResponse;
  readonly endpoint: string;
}

/** @throws RequestError, AdmissionFailure, or the signal's reason when the client has gone */
export function exchange(request: Exchange, tools: ExchangeTools): Promise<Answer> {
  const { spec, outgoing, sendRequest, cancellation } = request;
  const { connectTimeoutMs, responseTimeoutMs } = spec;
  const options = { ...tools, sendRequest, cancellation, connectTimeoutMs, responseTimeoutMs };
  return handOver(request, tools, (endpoint) => send(outgoing, endpoint, options));
}

/**
 * Admission and `attempt`, again if nobody took it; `told`: what the client is told in the end.
 * @throws as `exchange` does
 */
export async function handOver<Taken extends { readonly kind: "answered" | "open" }>(
  request: Exchange,
  tools: Pick<ExchangeTools, "clock" | "log">,
  attempt: (endpoint: string) => Promise<Taken | Unanswered>,
  told: (sent: Unanswered) => RequestError = (sent) => unanswered(request, sent),
): Promise<Taken & { readonly endpoint: string }> {
  for (let refusals = 0;; refusals++) {
    const permit = await admit(request, tools);
    const { endpoint } = permit;
    const sent = await attempt(endpoint);
    if (sent.kind === "answered" || sent.kind === "open") return { ...sent as Taken, endpoint };
    const failure = sent as Unanswered;
    if (failure.kind === "refused") permit.refused();
    permit[Symbol.dispose]();
    if (failure.kind === "refused" && refusals < REFUSALS_MAX) continue;
    note(request, endpoint, failure, tools);
    throw told(failure);
  }
}

/** A permit that is given back when the response is complete, whoever it goes to. */
async function admit(
  request: Exchange,
  { clock }: Pick<ExchangeTools, "clock">,
): Promise<Permit> {
  const { context, spec, coldStart, waitMaxMs, cancellation } = request;
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
  const permit = context.trace && admitted instanceof Promise
    ? await context.trace.wait(spec.name, admitted, cancellation.signal)
    : await admitted;
  context.keep(permit);
  if (permit.coldStartMs !== undefined) {
    context.coldStartMs = (context.coldStartMs ?? 0) + permit.coldStartMs;
  }
  return permit;
}

/** For the log: the address and the words of the platform. */
function note(
  { context, spec: { name } }: Exchange,
  endpoint: string,
  sent: Unanswered,
  { log }: Pick<ExchangeTools, "log">,
): void {
  const silent = sent.kind === "silent";
  log.warn(silent ? "no answer from the upstream" : "upstream failed", {
    ...{ model: name, requestId: context.id, traceId: context.trace?.traceId, endpoint },
    ...(silent ? {} : { reason: `${sent.kind}: ${sent.reason}` }),
  });
}

/** What the client is told. */
export function unanswered(
  { spec: { name, responseTimeoutMs } }: Exchange,
  { kind }: Unanswered,
): RequestError {
  if (kind === "silent") {
    return new RequestError(
      "upstream_timeout",
      `Model '${name}' sent no answer within ${responseTimeoutMs / 1000} s (responseTimeout)`,
    );
  }
  return new RequestError(
    "upstream_unreachable",
    kind === "refused"
      ? `Model '${name}' is not reachable: its server refuses connections`
      : `The server of model '${name}' broke the connection before it answered`,
  );
}
