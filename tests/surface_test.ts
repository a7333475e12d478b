/** Which requests exist and what each may do: wake a model, only be answered by one that is up, or nothing at all. */
import { expect } from "expect";
import { BLOCKED_ROUTES } from "../src/testing/blocked_routes.ts";
import { eventually } from "../src/testing/eventually.ts";
import { GatewayServer, Upstream } from "../src/testing/gateway_server.ts";
import { modelSpec } from "../src/testing/requests.ts";

const JSON_TYPE = { "content-type": "application/json" };

/** What an upstream was asked. */
interface Seen {
  readonly target: string;
  readonly method: string;
  readonly bytes: Uint8Array;
}

function recordingUpstream(): { upstream: Upstream; seen: Seen[] } {
  const seen: Seen[] = [];
  const upstream = new Upstream(async (request) => {
    const { pathname, search } = new URL(request.url);
    seen.push({
      ...{ target: pathname + search, method: request.method },
      bytes: await request.bytes(),
    });
    return Response.json({ from: "engine" });
  });
  return { upstream, seen };
}

function form(fields: readonly (readonly [name: string, value: string | Blob])[]): FormData {
  const data = new FormData();
  for (const [name, value] of fields) data.append(name, value);
  return data;
}

const FILE = new Blob([new Uint8Array(3 * 2 ** 20)]);
/** The model behind the file, as openai-node may write it. */
const AUDIO = () => form([["file", FILE], ["language", "de"], ["model", "m"]]);
const IMAGE = () => form([["image", FILE], ["prompt", "a cat"], ["model", "m"]]);

const JSON_PATHS = [
  ..."/v1/chat/completions /v1/completions /v1/responses /v1/messages".split(" "),
  ..."/v1/messages/count_tokens /v1/embeddings /v2/embed /pooling /classify /score".split(" "),
  ..."/v1/score /rerank /v1/rerank /v2/rerank /tokenize /detokenize /invocations".split(" "),
  ..."/inference/v1/generate /v1/images/generations /v1/audio/speech".split(" "),
  "/a/plugin/of/vllm?with=a%2Fquery",
];

const WAKING: readonly [target: string, body: () => BodyInit][] = [
  ...JSON_PATHS.map((path): [string, () => BodyInit] => [
    path,
    () => `{"input": "\\u00e9", "n": 12345678901234567890, "model": "m", "stream": false}`,
  ]),
  ["/v1/audio/transcriptions", AUDIO],
  ["/v1/audio/translations", AUDIO],
  ["/v1/images/edits", IMAGE],
  ["/v1/images/variations", IMAGE],
];

for (const [target, body] of WAKING) {
  Deno.test(`POST ${target} wakes its model, and its bytes get there as they came`, async () => {
    const { upstream, seen } = recordingUpstream();
    await using _ = upstream;
    await using gateway = await GatewayServer.start({ server: { bodyMax: 2 ** 23 } });
    const sent = new Request(gateway.url + target, { method: "POST", body: body() });
    const bytes = await sent.bytes();
    const type = sent.headers.get("content-type")!;
    const headers = type.startsWith("multipart/") ? { "content-type": type } : JSON_TYPE;
    const answer = fetch(gateway.url + target, { method: "POST", headers, body: bytes });
    await eventually(() => gateway.admission().pending > 0);
    expect(gateway.admission().asked.map(({ coldStart }) => coldStart)).toEqual(["wait"]);
    gateway.admission().open([upstream.url]);
    expect(await (await answer).json()).toEqual({ from: "engine" });
    expect(seen).toEqual([{ target, method: "POST", bytes }]);
    await gateway.quiet();
  });
}

/** What is answered without any model, whatever its state; a status of 404: there is nothing of that kind. */
const INFORMATIONAL: readonly [method: string, target: string, status: number][] = [
  ...["/health", "/ping", "/readyz", "/version", "/v1/models", "/v1/models/m"]
    .flatMap((path): [string, string, number][] => [["GET", path, 200], ["HEAD", path, 200]]),
  ["GET", "/v1/models/org%2Fname", 200],
  ["GET", "/v1/models/org/name", 200],
  ["GET", "/v1/models/other", 404],
  ...["/metrics", "/load", "/docs", "/redoc", "/openapi.json", "/favicon.ico"]
    .map((path): [string, string, number] => ["GET", path, 404]),
  ["OPTIONS", "/v1/chat/completions", 204],
  ["OPTIONS", "/health", 204],
  ["GET", "/v1/chat/completions", 404],
  ["HEAD", "/v1/embeddings", 404],
];

Deno.test("what only asks for information wakes nothing, and no engine hears of it", async (t) => {
  const { upstream, seen } = recordingUpstream();
  await using _ = upstream;
  const models = [modelSpec("m"), modelSpec("org/name")];
  await using asleep = await GatewayServer.start({ models });
  await using up = await GatewayServer.start({ models, endpoints: [upstream.url] });
  for (const [method, target, status] of INFORMATIONAL) {
    await t.step(`${method} ${target}: ${status}`, async () => {
      for (const gateway of [asleep, up]) {
        const response = await fetch(gateway.url + target, { method });
        await response.body?.cancel();
        expect(response.status).toBe(status);
        expect(models.flatMap(({ name }) => gateway.admission(name).asked)).toEqual([]);
      }
    });
  }
  expect(seen).toEqual([]);
});

Deno.test("an engine's control routes and its own pages are nobody's, by any method and spelling", async (t) => {
  const { upstream, seen } = recordingUpstream();
  await using _ = upstream;
  const endpoints = [upstream.url];
  await using gateway = await GatewayServer.start({ endpoints });
  await using dropIn = await GatewayServer.start({ endpoints, dropIn: true });
  for (const name of BLOCKED_ROUTES) {
    await t.step(`/${name}`, async () => {
      for (const target of [`/${name}`, `/v1/${name}`, `//v1//${name}/`, `/x/${name}?model=m`]) {
        for (const method of ["GET", "POST", "PUT", "DELETE", "PATCH"]) {
          for (const { url } of [gateway, dropIn]) {
            const response = await fetch(url + target, {
              method,
              ...(method === "GET" ? {} : { headers: JSON_TYPE, body: '{"model":"m"}' }),
            });
            const { error } = await response.json();
            expect([target, method, response.status, error.code])
              .toEqual([target, method, 404, "not_found"]);
          }
        }
      }
    });
  }
  expect(seen).toEqual([]);
  expect([...gateway.admission().asked, ...dropIn.admission().asked]).toEqual([]);
});

const STATEFUL: readonly [method: string, target: string][] = [
  ["GET", "/v1/responses/resp_1"],
  ["GET", "/v1/responses/resp_1?stream=true"],
  ["DELETE", "/v1/responses/resp_1"],
  ["POST", "/v1/responses/resp_1/cancel"],
];

for (const [method, target] of STATEFUL) {
  Deno.test(`${method} ${target} wakes nothing: 404 asleep, forwarded to a model that is up`, async () => {
    const { upstream, seen } = recordingUpstream();
    await using _ = upstream;
    await using gateway = await GatewayServer.start();
    const asleep = await fetch(gateway.url + target, { method });
    expect([asleep.status, (await asleep.json()).error.code]).toEqual([404, "not_found"]);
    expect([gateway.admission().pending, seen]).toEqual([0, []]);
    gateway.admission().open([upstream.url]);
    expect(await (await fetch(gateway.url + target, { method })).json()).toEqual({
      from: "engine",
    });
    expect(seen).toEqual([{ target, method, bytes: new Uint8Array() }]);
    await gateway.quiet();
  });
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const NOT_UTF8 = Uint8Array.of(...bytesOf('{"model":"m","a":"'), 0xff, ...bytesOf('"}'));
const BOUNDARY = "multipart/form-data; boundary=b";
const PART = (name: string) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n`;

const JUNK: readonly [what: string, body: string | Uint8Array, type: string, status: number][] = [
  ["no body", "", "application/json", 400],
  ["an unknown model", '{"model":"x"}', "application/json", 404],
  ["no model", '{"a":1}', "application/json", 400],
  ["an empty model", '{"model":""}', "application/json", 400],
  ["a null for a model", '{"model":null}', "application/json", 400],
  ["a number for a model", '{"model":1}', "application/json", 400],
  ["two models", '{"model":"m","model":"n"}', "application/json", 400],
  ["two streams", '{"model":"m","stream":true,"stream":false}', "application/json", 400],
  ["an array", '[{"model":"m"}]', "application/json", 400],
  ["JSON that ends too early", '{"model":"m","a":[1', "application/json", 400],
  ["JSON and something behind it", '{"model":"m"} x', "application/json", 400],
  ["two JSON values", '{"model":"m"}{"model":"m"}', "application/json", 400],
  ["a number that is none", '{"model":"m","a":01}', "application/json", 400],
  ["bytes that are no UTF-8", NOT_UTF8, "application/json", 400],
  ["a form in a URL's spelling", "model=m", "application/x-www-form-urlencoded", 415],
  ["plain text", '{"model":"m"}', "text/plain", 415],
  ["no type", '{"model":"m"}', "", 415],
  ["a form without a boundary", `${PART("model")}m\r\n--b--\r\n`, "multipart/form-data", 415],
  ["a form that does not end", `${PART("model")}m\r\n`, BOUNDARY, 400],
  ["a form without a model", `${PART("file")}m\r\n--b--\r\n`, BOUNDARY, 400],
  ["a body that is too large", `{"model":"m","a":"${"x".repeat(2_000)}"}`, "application/json", 413],
];

Deno.test("junk starts nothing", async (t) => {
  const models = [modelSpec("m"), modelSpec("n")];
  await using gateway = await GatewayServer.start({ models, server: { bodyMax: 1_000 } });
  for (const [what, body, type, status] of JUNK) {
    await t.step(`${what}: ${status}`, async () => {
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": type },
        body: typeof body === "string" ? bytesOf(body) : new Uint8Array(body),
      });
      const { error } = await response.json();
      expect([response.status, error.type]).toEqual([status, "invalid_request_error"]);
      expect(models.flatMap(({ name }) => gateway.admission(name).asked)).toEqual([]);
    });
  }
});
