/**
 * What lives in the memory of one pod, such as a response that was stored: every ready pod is asked in
 * turn until one knows it. Nothing is woken for it: what a pod knew is gone with the pod.
 */
import type { Admission } from "../activator/admission.ts";
import { ModelAsleep } from "../activator/errors.ts";
import { cancelBody } from "../platform/http_body.ts";
import type { HttpResponse, ServerRequest } from "../platform/http_messages.ts";
import { readBody } from "./body.ts";
import type { Answer } from "./exchange.ts";
import { type Call, type Forwarder, type ForwardOptions, passThrough } from "./forward.ts";
import type { RequestContext } from "./layers.ts";
import type { RequestBodyTools } from "./request_body.ts";
import { RequestError } from "./request_error.ts";
import type { RouteMatch, RouteQuery } from "./routes.ts";

/** How many pods are asked at most. */
const PODS_MAX = 64;

/** @throws RequestError `not_found` where nobody can know it, and what `exchange` throws */
export async function answerStateful(
  request: ServerRequest,
  context: RequestContext,
  query: RouteQuery,
  options: ForwardOptions & RequestBodyTools,
  forwarder: Forwarder,
): Promise<HttpResponse> {
  const { bodyMax: max, bodyTimeoutMs: timeoutMs } = options.config().server;
  const { budget, clock } = options;
  const body = await readBody(request, { max, timeoutMs, budget, clock });
  context.keep(body);
  const match = modelOf(context, query, options);
  const call: Call = {
    ...{ request, context, match, coldStart: "never", validate() {} },
    bytes: body.bytes.length > 0 ? body.bytes : undefined,
  };
  const admission = options.config().admission(match.spec.name);
  return passThrough(await askEach(forwarder, call, admission), context);
}

/** By route, by `?model=`, or because there is only one. */
function modelOf(
  context: RequestContext,
  query: RouteQuery,
  { config }: ForwardOptions,
): RouteMatch {
  try {
    const { routes, dropIn } = config();
    const named = dropIn ? undefined : context.url.searchParams.get("model");
    return routes.resolve(query, named ?? undefined);
  } catch {
    throw unknown(context);
  }
}

/** The permits of those that did not know it are held meanwhile, so that the next is another pod. */
async function askEach(
  forwarder: Forwarder,
  call: Call,
  admission: Admission | undefined,
): Promise<Answer> {
  const asked = new Set<string>();
  try {
    for (;;) {
      const answer = await forwarder.answer(call);
      const isLast = asked.has(answer.endpoint) || asked.size >= PODS_MAX || !admission?.isOpen();
      if (answer.response.status !== 404 || isLast) return answer;
      asked.add(answer.endpoint);
      cancelBody(answer.response.body);
    }
  } catch (error) {
    throw error instanceof ModelAsleep ? unknown(call.context) : error;
  }
}

function unknown({ path }: RequestContext): RequestError {
  return new RequestError("not_found", `Nobody knows ${path}: what a sleeping model knew is gone`);
}
