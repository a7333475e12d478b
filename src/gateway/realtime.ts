/**
 * `/v1/realtime`: a request that becomes a WebSocket at once, whatever there is to say about it: its clients read
 * close codes and not statuses.
 */
import { KEY_PROTOCOL, offeredProtocols } from "./access.ts";
import { closeCodeOf, closeReason } from "./close_codes.ts";
import type { Forwarder } from "./forward.ts";
import type { InferenceOptions } from "./inference.ts";
import { textOf } from "../platform/http_body.ts";
import {
  type HttpResponse,
  type ServerRequest,
  SwitchingProtocols,
} from "../platform/http_messages.ts";
import { isHandshake, type Socket } from "../platform/web_socket.ts";
import type { Layer, RequestContext } from "./layers.ts";
import { RealtimeSession } from "./realtime_session.ts";
import type { RouteQuery } from "./routes.ts";

export const REALTIME = "/v1/realtime";

/** True for a whole handshake at that path. */
export function isRealtime({ headers, method }: ServerRequest, path: string): boolean {
  return path === REALTIME && isHandshake(method, (name) => headers.get(name));
}

/** Turns a refusal of any layer behind it into a WebSocket that is closed with it. */
export function realtimeLayer(messageMax: () => number): Layer {
  const close = async (response: HttpResponse, request: ServerRequest, context: RequestContext) => {
    const { error } = JSON.parse(await textOf(response.body));
    const { status } = response;
    const socket = await accept(request, context, messageMax());
    socket.close(closeCodeOf({ status }), closeReason(error.message));
    return new SwitchingProtocols();
  };
  return {
    leave(response, request, context) {
      const isRefused = response.status >= 400 && context.path.endsWith(REALTIME);
      return isRefused && isRealtime(request, REALTIME)
        ? close(response, request, context)
        : response;
    },
  };
}

export async function answerRealtime(
  request: ServerRequest,
  context: RequestContext,
  query: RouteQuery,
  options: InferenceOptions,
  forwarder: Forwarder,
): Promise<HttpResponse> {
  const named = context.url.searchParams.get("model") || undefined;
  const { routes, dropIn, server } = options.config();
  const isKnown = named !== undefined || routes.matchPath(query) !== undefined;
  const match = isKnown ? routes.resolve(query, dropIn ? undefined : named) : undefined;
  const session = new RealtimeSession(await accept(request, context, server.bodyMax), {
    ...{ request, context, options, forwarder, query, match },
  });
  context.last(session.ended);
  return new SwitchingProtocols();
}

function accept(
  { headers }: ServerRequest,
  { info, id }: RequestContext,
  messageMax: number,
): Promise<Socket> {
  return info.upgrade({
    // A browser that offers some insists on one; the key is none.
    protocol: offeredProtocols(headers).find((name) => !name.startsWith(KEY_PROTOCOL)),
    headers: [["x-request-id", id]],
    messageMax,
  });
}
