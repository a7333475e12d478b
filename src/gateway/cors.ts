/** Browsers: preflights are answered here, and every answer says which page may read it. */
import type { HttpHeaders } from "../platform/http_headers.ts";
import type { ServerRequest } from "../platform/http_messages.ts";
import type { Layer } from "./layers.ts";

const METHODS = "GET, HEAD, POST, OPTIONS";
const EXPOSED = "x-request-id, x-cold-start-ms, retry-after, x-should-retry";

/**
 * Answers OPTIONS, which never wakes anything. `cors()` is `server.cors` as it is now: `true` for every
 * origin, a list of origins, or `false`.
 */
export function corsLayer(cors: () => boolean | readonly string[]): Layer {
  return {
    enter: (request) =>
      isOptions(request)
        ? new Response(null, { status: 204, headers: { allow: METHODS } })
        : undefined,
    leave(response, request) {
      const allowed = cors();
      if (allowed === false) return response;
      const origin = request.headers.get("origin");

      const { headers } = response;
      if (allowed !== true) headers.append("vary", "origin");
      if (origin === null) return response;
      // The upstream speaks for itself; two answers would be none to a browser.
      headers.delete("access-control-allow-origin");
      if (allowed !== true && !allowed.includes(origin)) return response;
      headers.set("access-control-allow-origin", allowed === true ? "*" : origin);
      headers.set("access-control-expose-headers", EXPOSED);
      if (isOptions(request)) allowMethods(request.headers, headers);
      return response;
    },
  };
}

function isOptions({ method }: ServerRequest): boolean {
  return method === "OPTIONS";
}

/** The rest of the answer to a preflight: whatever headers it asks for. */
function allowMethods(request: HttpHeaders, response: HttpHeaders): void {
  response.set("access-control-allow-methods", METHODS);
  response.set("access-control-max-age", "86400");
  const asked = request.get("access-control-request-headers");
  if (asked !== null) response.set("access-control-allow-headers", asked);
}
