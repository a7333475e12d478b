/** The one place where what was thrown becomes an answer. */
import type { Log } from "../telemetry/log.ts";
import { apiOf, errorResponse } from "./envelope.ts";
import { answerTo, type ErrorAnswer } from "./error_table.ts";
import type { RequestContext, Rescue } from "./layers.ts";

/** What the record says of a request whose client left before the answer began (nginx's number). */
const CLIENT_GONE = 499;

export function rescuer(log: Log): Rescue {
  return (error, { signal }, context) => {
    // Nobody reads this one, but it must be returned for the request to be complete.
    if (signal.aborted) return new Response(null, { status: CLIENT_GONE });
    return errorResponse(rescue(error, context, log), apiOf(context.path), context.id);
  };
}

/** The answer to `error`, noted in the request's record; the log is told what the client is not. */
export function rescue(error: unknown, context: RequestContext, log: Log): ErrorAnswer {
  const answer = answerTo(error);
  context.code = answer.code;
  const fields = {
    ...{ model: context.model || undefined, requestId: context.id },
    traceId: context.trace?.traceId,
  };
  if (answer.code === "internal_error") {
    log.error("the gateway failed", { ...fields, error: detailsOf(error) });
  } else {
    log.debug("request refused", { ...fields, code: answer.code, reason: answer.message });
  }
  return answer;
}

function detailsOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? String(error) : String(error);
}
