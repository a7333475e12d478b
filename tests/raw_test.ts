/** What no SDK sends: bytes on a socket, one clear answer each, and nothing of it reaches an upstream. */
import { expect } from "expect";
import { eventually } from "../src/testing/eventually.ts";
import { GatewayProcess } from "../src/testing/gateway_process.ts";
import { Upstream } from "../src/testing/gateway_server.ts";
import { RawClient } from "../src/testing/raw_client.ts";

const BODY = `{"model":"m"}`;
const POST = "POST /v1/chat/completions HTTP/1.1\r\n";
const HEAD = "Host: gateway.test\r\nContent-Type: application/json\r\n";
const LENGTH = `Content-Length: ${BODY.length}\r\n`;
const CHUNKED = "Transfer-Encoding: chunked\r\n";
const CHUNKS = `d\r\n${BODY}\r\n0\r\n\r\n`;

/** `400`: that status; `closes`: the connection goes with it. */
type Outcome = number | `${number}, closes`;

const REFUSED: readonly [what: string, bytes: string, outcome: Outcome][] = [
  ["a length and chunks", `${POST}${HEAD}${LENGTH}${CHUNKED}\r\n${CHUNKS}`, "400, closes"],
  [
    "chunks and a length",
    `${POST}${HEAD}${CHUNKED}Content-Length: 4\r\n\r\n${CHUNKS}`,
    "400, closes",
  ],
  ["two lengths", `${POST}${HEAD}${LENGTH}Content-Length: 5\r\n\r\n${BODY}`, "400, closes"],
  ["a length that is said twice", `${POST}${HEAD}${LENGTH}${LENGTH}\r\n${BODY}`, "400, closes"],
  ["a list of lengths", `${POST}${HEAD}Content-Length: 13, 13\r\n\r\n${BODY}`, "400, closes"],
  ["a length with a sign", `${POST}${HEAD}Content-Length: +13\r\n\r\n${BODY}`, "400, closes"],
  ["a length below zero", `${POST}${HEAD}Content-Length: -1\r\n\r\n${BODY}`, "400, closes"],
  ["a hexadecimal length", `${POST}${HEAD}Content-Length: 0xd\r\n\r\n${BODY}`, "400, closes"],
  ["chunks that are not the last coding", codings("chunked, gzip"), "400, closes"],
  ["chunks twice", `${POST}${HEAD}${CHUNKED}${CHUNKED}\r\n${CHUNKS}`, "400, closes"],
  ["a coding that nobody knows", codings("xchunked"), "400, closes"],
  ["a body that is packed on its way", codings("gzip, chunked"), "400, closes"],
  ["chunks in HTTP/1.0", codings("chunked").replace("1.1", "1.0"), "400, closes"],
  ["a chunk without a size", `${POST}${HEAD}${CHUNKED}\r\nzz\r\n`, "400, closes"],
  ["a chunk of a size below zero", `${POST}${HEAD}${CHUNKED}\r\n-d\r\n`, "400, closes"],
  [
    "a chunk larger than any memory",
    `${POST}${HEAD}${CHUNKED}\r\nfffffffffffffffff\r\n`,
    "400, closes",
  ],
  ["a header in two lines", `${POST}${HEAD}X-A: 1\r\n  2\r\n${LENGTH}\r\n${BODY}`, "400, closes"],
  ["a space before the colon", `${POST}${HEAD}Content-Length : 13\r\n\r\n${BODY}`, "400, closes"],
  ["a zero in a header", `${POST}${HEAD}X-A: a\0b\r\n${LENGTH}\r\n${BODY}`, "400, closes"],
  ["a header's name that is none", `${POST}${HEAD}X(A: a\r\n${LENGTH}\r\n${BODY}`, "400, closes"],
  ["two hosts", `${POST}Host: other.test\r\n${HEAD}${LENGTH}\r\n${BODY}`, "400, closes"],
  [
    "a host that is none",
    `${POST}${HEAD.replace("gateway.test", "[")}${LENGTH}\r\n${BODY}`,
    "400, closes",
  ],
  [
    "no host",
    `${POST}${HEAD.replace("Host: gateway.test\r\n", "")}${LENGTH}\r\n${BODY}`,
    "400, closes",
  ],
  ["CONNECT", "CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n", "405, closes"],
  ["CONNECT to a path", "CONNECT /v1/models HTTP/1.1\r\nHost: other.test\r\n\r\n", "405, closes"],
  ["a target that is an authority", get("other.test:443"), "400, closes"],
  ["a space in the target", get("/v1/mod els"), "400, closes"],
  ["a zero in the target", get("/v1/%00"), 404],
  ["a target of 100 KB", get(`/v1/${"a".repeat(100_000)}`), "431, closes"],
  ["a header of 300 KB", get("/v1/models", `X-A: ${"a".repeat(300_000)}\r\n`), "431, closes"],
  ["HTTP/0.9", "GET /v1/models\r\n\r\n", "400, closes"],
  ["HTTP/1.2", get("/v1/models").replace("1.1", "1.2"), "400, closes"],
  ["a TLS handshake", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03", "400, closes"],
  [
    "an upgrade to what nobody speaks",
    get("/v1/chat/completions", "Connection: upgrade\r\nUpgrade: foo\r\n"),
    404,
  ],
  ["TRACE", get("/v1/models").replace("GET", "TRACE"), 405],
  ["PUT", `${POST.replace("POST", "PUT")}${HEAD}${LENGTH}\r\n${BODY}`, 405],
  [
    "a method in lower case",
    `${POST.replace("POST", "post")}${HEAD}${LENGTH}\r\n${BODY}`,
    405,
  ],
];

function codings(names: string): string {
  return `${POST}${HEAD}Transfer-Encoding: ${names}\r\n\r\n${CHUNKS}`;
}

function get(target: string, headers = ""): string {
  return `GET ${target} HTTP/1.1\r\nHost: gateway.test\r\n${headers}\r\n`;
}

/** A gateway process with one model, that is `upstream`. */
function start(upstream: Upstream): Promise<GatewayProcess> {
  return GatewayProcess.start(`  m: { external: true, upstream: "${upstream.url}" }\n`);
}

async function outcomeOf(gateway: GatewayProcess, bytes: string): Promise<Outcome> {
  using client = await RawClient.connect(Number(new URL(gateway.url).port));
  // It may close before it has read all.
  await client.write(bytes).catch(() => {});
  let closed = false;
  client.ended.then(() => closed = true);
  await eventually(() => closed || client.received.includes("\r\n\r\n"));
  const status = /^HTTP\/1\.1 (\d+)/.exec(client.received)?.[1];
  if (status === undefined) throw new Error("closed without an answer");
  if (!/^connection: close/im.test(client.received)) return Number(status);
  await client.ended;
  return `${Number(status)}, closes`;
}

Deno.test("bytes that are no request get one clear answer, and no upstream hears of them", async (t) => {
  await using upstream = new Upstream(() => Response.json({}));
  await using gateway = await start(upstream);
  for (const [what, bytes, outcome] of REFUSED) {
    await t.step(`${what}: ${outcome}`, async () => {
      expect(await outcomeOf(gateway, bytes)).toBe(outcome);
    });
  }
  expect(upstream.requests).toBe(0);
  // It is as well as before.
  expect(await outcomeOf(gateway, `${POST}${HEAD}${LENGTH}\r\n${BODY}`)).toBe(200);
});

const TAKEN: readonly [what: string, bytes: string][] = [
  ["a thousand headers", `${POST}${HEAD}${"X-A: a\r\n".repeat(1_000)}${LENGTH}\r\n${BODY}`],
  ["chunks with an extension", `${POST}${HEAD}${CHUNKED}\r\nd;a=b\r\n${BODY}\r\n0\r\n\r\n`],
  ["chunks with a trailer", `${POST}${HEAD}${CHUNKED}\r\nd\r\n${BODY}\r\n0\r\nX-T: 1\r\n\r\n`],
  [
    "an offer of HTTP/2, as of Java's clients",
    `${POST}${HEAD}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n${LENGTH}\r\n${BODY}`,
  ],
  ["an absolute target", `${at("http://other.test:1/v1/chat/completions")}${LENGTH}\r\n${BODY}`],
  ["a path with dots", `${at("/v1/x/../chat/completions")}${LENGTH}\r\n${BODY}`],
  ["doubled slashes", `${at("//v1//chat/completions")}${LENGTH}\r\n${BODY}`],
  ["a slash at the end", `${at("/v1/chat/completions/")}${LENGTH}\r\n${BODY}`],
  ["a client that waits to go on", `${POST}${HEAD}Expect: 100-continue\r\n${LENGTH}\r\n${BODY}`],
];

function at(target: string): string {
  return POST.replace("/v1/chat/completions", target) + HEAD;
}

Deno.test("what is unusual and clear goes upstream in the one usual form", async (t) => {
  const seen: string[] = [];
  await using upstream = new Upstream(async (request) => {
    const { headers, url } = request;
    const framing = [
      "content-length",
      "transfer-encoding",
      "expect",
      "trailer",
      "x-t",
      "upgrade",
      "http2-settings",
    ]
      .flatMap((name) => headers.has(name) ? [`${name}: ${headers.get(name)}`] : []);
    seen.push(
      [new URL(url).pathname, headers.get("host"), ...framing, await request.text()].join(),
    );
    return Response.json({});
  });
  await using gateway = await start(upstream);
  const { host } = new URL(upstream.url);
  for (const [what, bytes] of TAKEN) {
    await t.step(what, async () => {
      seen.length = 0;
      await outcomeOf(gateway, bytes);
      await eventually(() => seen.length > 0);
      expect(seen).toEqual([`/v1/chat/completions,${host},content-length: 13,${BODY}`]);
    });
  }
});

Deno.test("requests that come in one packet are answered in turn", async () => {
  await using upstream = new Upstream(async (request) => Response.json(await request.json()));
  await using gateway = await start(upstream);
  using client = await RawClient.connect(Number(new URL(gateway.url).port));
  const one = (user: string) => {
    const body = JSON.stringify({ model: "m", user });
    return `${POST}${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`;
  };
  await client.write(["a", "b", "c"].map(one).join(""));
  const users = () => [...client.received.matchAll(/"user":"(.)"/g)].map(([, user]) => user);
  await eventually(() => users().length === 3);
  expect(users()).toEqual(["a", "b", "c"]);
});
