/**
 * `/v1/realtime`: a request that becomes a WebSocket at once, whatever there is to say about it: its clients read
 * close codes and not statuses.
 */
import { KEY_PROTOCOL, offeredProtocols } from "./access.ts";
import { closeCodeOf, closeReason } from "./close_codes.ts";
import type { Forwarder } from "./forward.ts";
import type { InferenceOptions } from "./inference.ts";
import type { Layer, RequestContext } from "./layers.ts";
import { RealtimeSession } from "./realtime_session.ts";
import type { RouteQuery } from "./routes.ts";

export const REALTIME = "/v1/realtime";

/** True for a handshake (RFC 6455 section 4.1) at that path; one that is not whole is none. */
export function isRealtime({ headers, method }: Request, path: string): boolean {
  return method === "GET" && path === REALTIME &&
    /^websocket$/i.test(headers.get("upgrade") ?? "") &&
    /\bupgrade\b/i.test(headers.get("connection") ?? "") &&
    headers.get("sec-websocket-version") === "13" && headers.has("sec-websocket-key");
}

/** Turns a refusal of any layer behind it into a WebSocket that is closed with it. */
export const realtimeLayer: Layer = async (request, context, next) => {
  const response = await next(request, context);
  const isRefused = response.status >= 400 && context.path.endsWith(REALTIME);
  if (!isRefused || !isRealtime(request, REALTIME)) return response;
  const { error } = await response.json();
  const { socket, response: upgraded } = context.info.upgrade(chosenProtocol(request.headers));
  const { status } = response;
  socket.onopen = () => socket.close(closeCodeOf({ status }), closeReason(error.message));
  return upgraded;
};

export function answerRealtime(
  request: Request,
  context: RequestContext,
  query: RouteQuery,
  options: InferenceOptions,
  forwarder: Forwarder,
): Response {
  const named = context.url.searchParams.get("model") || undefined;
  const { routes, dropIn } = options.config();
  const isKnown = named !== undefined || routes.matchPath(query) !== undefined;
  const match = isKnown ? routes.resolve(query, dropIn ? undefined : named) : undefined;
  // Of a request that was upgraded nothing can be read any more.
  const kept = new Request(request.url, { headers: [...request.headers] });
  const { socket, response } = context.info.upgrade(chosenProtocol(request.headers));
  const session = new RealtimeSession(socket, {
    ...{ request: kept, context, options, forwarder, query, match },
  });
  context.last(session.ended);
  return response;
}

/** A browser that offers some insists on one; the key is none. */
function chosenProtocol(headers: Headers): string | undefined {
  return offeredProtocols(headers).find((name) => !name.startsWith(KEY_PROTOCOL));
}
