/** Every error that the gateway itself answers with, as a client sees it: in OpenAI's envelope and in Anthropic's. */
import { expect } from "expect";
import {
  ClusterUnreachable,
  ColdStartTimeout,
  Draining,
  ModelUnavailable,
  Overloaded,
} from "../src/activator/errors.ts";
import type { ErrorAnswer } from "../src/gateway/error_table.ts";
import { eventually } from "../src/testing/eventually.ts";
import {
  GatewayServer,
  type GatewayServerOptions,
  Upstream,
} from "../src/testing/gateway_server.ts";
import { RawClient } from "../src/testing/raw_client.ts";
import { modelSpec } from "../src/testing/requests.ts";

const [CHAT, MESSAGES] = ["/v1/chat/completions", "/v1/messages"];
const BODY = '{"model":"m"}';

interface Situation {
  readonly options?: GatewayServerOptions;
  /** What is asked; by default a request that is well-formed. */
  readonly init?: RequestInit;
  readonly path?: string;
  /** Brought about once the request waits. */
  readonly then?: (gateway: GatewayServer) => void;
  /** Brought about before it. */
  readonly before?: (gateway: GatewayServer) => void | Promise<unknown>;
}

type Told =
  & Pick<ErrorAnswer, "status" | "type" | "code">
  & { readonly headers?: ErrorAnswer["headers"]; readonly message: RegExp };

const KEYS = [
  { name: "k", key: "secret", operator: false, inFlightMax: 0 },
  { name: "other", key: "elsewhere", operator: false, inFlightMax: 0, models: ["n"] },
  { name: "one", key: "single", operator: false, inFlightMax: 1 },
];
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const failing = (error: Error): Situation => ({
  then: (gateway) => gateway.admission().fail(error),
});
const invalid = (status: number, code: string, message: RegExp): Told => ({
  ...{ status, type: "invalid_request_error", code, message },
});
const server = (status: number, code: string, headers: Told["headers"], message: RegExp): Told => ({
  ...{ status, type: "server_error", code, message },
  ...(headers ? { headers } : {}),
});
const again = (seconds: number) => ({ "retry-after": String(seconds) });
const NEVER = { "x-should-retry": "false" };

const ROWS: readonly [what: string, situation: Situation, told: Told][] = [
  [
    "an unknown model",
    { init: { body: '{"model":"gpt-4"}' } },
    invalid(404, "model_not_found", /'gpt-4'.*\bm\b/),
  ],
  [
    "no model and no default",
    { options: { models: [modelSpec("m"), modelSpec("n")] }, init: { body: "{}" } },
    invalid(400, "missing_required_parameter", /model/),
  ],
  ["bad JSON", { init: { body: '{"model":"m"' } }, invalid(400, "invalid_json", /JSON/)],
  [
    "a content type that no engine reads",
    { init: { headers: { "content-type": "text/plain" } } },
    invalid(415, "unsupported_media_type", /application\/json/),
  ],
  [
    "a body that is packed",
    { init: { headers: { "content-encoding": "gzip" } } },
    invalid(415, "unsupported_media_type", /gzip/),
  ],
  [
    "a body that is too large",
    { options: { server: { bodyMax: 5 } } },
    invalid(413, "request_too_large", /bodyMax/),
  ],
  [
    "no key",
    { options: { server: { keys: KEYS } } },
    {
      ...invalid(401, "invalid_api_key", /Authorization: Bearer/),
      headers: { "www-authenticate": "Bearer" },
    },
  ],
  [
    "a wrong key",
    { options: { server: { keys: KEYS } }, init: { headers: bearer("guessed") } },
    {
      ...invalid(401, "invalid_api_key", /not known/),
      headers: { "www-authenticate": "Bearer" },
    },
  ],
  [
    "a key for another model",
    { options: { server: { keys: KEYS } }, init: { headers: bearer("elsewhere") } },
    invalid(403, "model_not_allowed", /'other'.*'m'.*\bn\b/),
  ],
  [
    "a key with as many requests in flight as it may have",
    {
      options: { server: { keys: KEYS } },
      init: { headers: bearer("single") },
      before: async (server) => {
        void ask(server.url, CHAT, { headers: bearer("single") }).catch(() => {});
        // Its key has been looked up by then: another request could be first.
        await eventually(() => server.admission().pending === 1);
      },
    },
    {
      ...{ status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" },
      ...{ headers: again(1), message: /inFlightMax/ },
    },
  ],
  [
    "too many that wait, or no free slot in time",
    failing(new Overloaded("m", "Too many wait")),
    server(503, "overloaded", again(5), /Too many/),
  ],
  [
    "as many bytes held as may be",
    { options: { server: { bufferedMax: 5 } } },
    server(503, "overloaded", again(5), /bufferedMax/),
  ],
  [
    "a cold start that takes too long",
    failing(new ColdStartTimeout("m", "Not up within 10 s")),
    server(503, "cold_start_timeout", again(15), /10 s/),
  ],
  [
    "a model that sleeps, and x-cold-start: never",
    { init: { headers: { "x-cold-start": "never" } } },
    server(503, "model_asleep", again(30), /asleep/),
  ],
  [
    "a cluster that does not answer",
    failing(new ClusterUnreachable("m", "The API server does not answer")),
    server(503, "cluster_unreachable", again(5), /API server/),
  ],
  [
    "a path that is nobody's",
    { path: "/sleep", init: { method: "GET" } },
    invalid(404, "not_found", /\/sleep/),
  ],
  [
    "a method that is not taken",
    { init: { method: "PUT" } },
    {
      ...invalid(405, "method_not_allowed", /PUT/),
      headers: { allow: "POST, GET, HEAD, OPTIONS" },
    },
  ],
  [
    "our own fault",
    failing(new TypeError("secret")),
    server(500, "internal_error", undefined, /^(?!.*secret)/),
  ],
  [
    "a wake that cannot succeed",
    failing(new ModelUnavailable("m", { kind: "image", message: "no such image" }, 30_000)),
    server(503, "model_unavailable", NEVER, /'m': no such image/),
  ],
  [
    "an engine that refuses connections",
    { before: (gateway) => gateway.admission().open(Array.from({ length: 9 }, refusing)) },
    server(502, "upstream_unreachable", again(1), /refuses/),
  ],
  [
    "an engine that breaks the connection",
    { options: { endpoints: [strange((conn) => conn.close())] } },
    server(502, "upstream_unreachable", again(1), /broke/),
  ],
  [
    "an engine that says nothing",
    { options: { models: [modelSpec("m", { responseTimeoutMs: 50 })], endpoints: [strange()] } },
    server(504, "upstream_timeout", NEVER, /responseTimeout/),
  ],
  [
    "a gateway that stops, to who comes",
    { before: ({ gateway }) => gateway.refuse() },
    server(503, "draining", again(1), /stopping/),
  ],
  [
    "a gateway that stops, to who waits",
    failing(new Draining("m", "The gateway stops")),
    server(503, "draining", again(1), /stops/),
  ],
];

/** The URL of a server that is not there. */
function refusing(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `http://127.0.0.1:${listener.addr.port}`;
}

/** The URL of a server that takes connections and does `then`; it is there as long as this process. */
function strange(then: (conn: Deno.TcpConn) => void = () => {}): string {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.unref();
  const serve = async () => {
    for await (const conn of listener) {
      await conn.read(new Uint8Array(65_536)).catch(() => {});
      then(conn);
    }
  };
  void serve();
  return `http://127.0.0.1:${listener.addr.port}`;
}

function ask(url: string, path: string, { headers, ...init }: RequestInit = {}): Promise<Response> {
  const isEmpty = init.method === "GET";
  return fetch(url + path, {
    ...{ method: "POST", signal: AbortSignal.timeout(10_000), ...(isEmpty ? {} : { body: BODY }) },
    ...init,
    headers: { "content-type": "application/json", ...headers as Record<string, string> },
  });
}

const ANTHROPIC: Readonly<Record<number, string>> = {
  ...{ 400: "invalid_request_error", 401: "authentication_error", 403: "permission_error" },
  ...{ 404: "not_found_error", 405: "invalid_request_error", 408: "invalid_request_error" },
  ...{ 413: "request_too_large", 415: "invalid_request_error", 429: "rate_limit_error" },
  ...{ 500: "api_error", 502: "api_error", 503: "overloaded_error", 504: "timeout_error" },
};

for (const [what, { options, init, path, then, before }, told] of ROWS) {
  for (const api of ["OpenAI", "Anthropic"] as const) {
    Deno.test({
      name: `${what}: ${told.status} ${told.code}, in ${api}'s envelope`,
      // The strange servers stay.
      sanitizeResources: false,
      sanitizeOps: false,
      async fn() {
        await using gateway = await GatewayServer.start(options);
        await before?.(gateway);
        const usual = api === "OpenAI" ? CHAT : MESSAGES;
        const answer = ask(
          gateway.url,
          path && api === "OpenAI" ? path : usual + (path ?? ""),
          init,
        );
        if (then) {
          await eventually(() => gateway.admission().pending === 1);
          then(gateway);
        }
        const response = await answer;
        const id = response.headers.get("x-request-id");
        expect(response.status).toBe(told.status);
        expect(response.headers.get("content-type")).toBe("application/json");
        for (const [name, value] of Object.entries(told.headers ?? {})) {
          expect([name, response.headers.get(name)]).toEqual([name, value]);
        }
        const body = await response.json();
        const message = expect.stringMatching(told.message);
        if (api === "OpenAI") {
          const { type, code } = told;
          const param = /^model_not_|^missing_/.test(code) ? "model" : null;
          expect(body).toEqual({ error: { message, type, param, code } });
        } else {
          const type = ANTHROPIC[told.status];
          expect(body).toEqual({ type: "error", error: { type, message }, request_id: id });
        }
      },
    });
  }
}

Deno.test("a body that does not go on: 408 request_timeout, and its sender gets to see it", async () => {
  await using gateway = await GatewayServer.start({ server: { bodyTimeoutMs: 50 } });
  using client = await RawClient.connect(gateway.port);
  await client.write(
    `POST ${CHAT} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{`,
  );
  await eventually(() => client.received.includes("request_timeout"));
  expect(client.received).toMatch(/^HTTP\/1\.1 408 /);
});

Deno.test("an engine's own errors pass byte for byte", async () => {
  for (const status of [400, 401, 404, 408, 409, 422, 429, 500, 501, 502, 503, 504, 529]) {
    const body = `{ "error" : {"code":${status}, "message": "\\u00e9" } }\n`;
    await using upstream = new Upstream(() =>
      new Response(body, { status, headers: { "x-own": "1", "retry-after": "7" } })
    );
    await using gateway = await GatewayServer.start({ endpoints: [upstream.url] });
    const response = await ask(gateway.url, CHAT);
    const headers = ["x-own", "retry-after"].map((name) => response.headers.get(name));
    expect([response.status, await response.text(), ...headers]).toEqual([status, body, "1", "7"]);
  }
});
