/** What is asked of a model: which one it is, whether it may be asked so, and whether it may be woken. */
import type { HttpResponse, ServerRequest } from "../platform/http_messages.ts";
import { Forwarder, type ForwardOptions } from "./forward.ts";
import { allowOnly } from "./info.ts";
import type { Handle, RequestContext } from "./layers.ts";
import { isBlocked, isStateful } from "./paths.ts";
import { answerRealtime, isRealtime, REALTIME } from "./realtime.ts";
import { type RequestBodyTools, takeBody } from "./request_body.ts";
import { RequestError } from "./request_error.ts";
import type { RouteMatch, RouteQuery } from "./routes.ts";
import { answerStateful } from "./stateful.ts";

export type InferenceOptions = ForwardOptions & RequestBodyTools;

export function createInference(options: InferenceOptions): Handle {
  const forwarder = new Forwarder(options);
  return (request, context) => {
    const query = { host: request.headers.get("host"), path: context.path };
    const { routes, dropIn } = options.config();
    const match = routes.matchPath(query) ??
      (dropIn ? routes.resolve(query, undefined) : undefined);
    const path = match?.path ?? context.path;
    if (isBlocked(path)) throw notFound(context);
    const upgrade = request.headers.get("upgrade");
    if (isRealtime(request, path)) {
      return answerRealtime(request, context, query, options, forwarder);
    }
    if (request.method === "GET" && path === REALTIME) {
      throw new RequestError(
        "upgrade_required",
        `${path} is a WebSocket, and this is no whole handshake; a proxy on the way may drop its headers`,
      );
    }
    // What we do not take up is refused, since a client that asks for it cannot do without; but Java's clients offer
    // HTTP/2 with every first request, and can.
    if (upgrade !== null && !/^h2c$/i.test(upgrade)) {
      throw new RequestError("not_found", `There is no ${upgrade} to upgrade to at ${path}`);
    }
    if (isStateful(request.method, path)) {
      return answerStateful(request, context, query, options, forwarder);
    }
    allowOnly(request, ["POST", "GET", "HEAD"]);
    return request.method === "POST"
      ? answerPost(request, context, query, options, forwarder)
      : answerGet(request, context, match, forwarder);
  };
}

async function answerPost(
  request: ServerRequest,
  context: RequestContext,
  query: RouteQuery,
  options: InferenceOptions,
  forwarder: Forwarder,
): Promise<HttpResponse> {
  const body = await takeBody(request, options.config().server, options);
  context.keep(body);
  // Looked up only now: a reload may have come while the body did.
  const { routes, dropIn } = options.config();
  const match = routes.resolve(query, dropIn ? undefined : body.fields.model);
  return forwarder.respond({
    ...{ request, context, match },
    bytes: match.rename === undefined ? body.bytes : body.renamed(match.rename),
    coldStart: request.headers.get("x-cold-start") === "never" ? "never" : "wait",
    validate: () => body.validate(),
  }, body);
}

/** Forwarded if the model is up: looking at a page of an engine is no reason to start it. */
function answerGet(
  request: ServerRequest,
  context: RequestContext,
  match: RouteMatch | undefined,
  forwarder: Forwarder,
): Promise<HttpResponse> {
  if (!match) throw notFound(context);
  return forwarder.respond(
    { request, context, match, bytes: undefined, coldStart: "never", validate() {} },
    undefined,
  );
}

function notFound({ path }: RequestContext): RequestError {
  return new RequestError("not_found", `There is nothing at ${path}`);
}
