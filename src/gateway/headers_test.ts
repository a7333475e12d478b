import { expect } from "expect";
import fc from "fast-check";
import { SeededRandom } from "../testing/seeded_random.ts";
import { requestIdOf, responseHeaders, upstreamHeaders } from "./headers.ts";

const OPTIONS = {
  requestId: "id-1",
  remoteAddr: "10.1.2.3",
  isTrustedPeer: false,
  keepsKeys: false,
  trace: undefined,
  upstreamKey: undefined,
};
const HOP_BY_HOP = [
  ...["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
];
const OURS = [
  ...[
    "accept-encoding",
    "content-length",
    "expect",
    "host",
    "x-cold-start",
    "x-cold-start-timeout",
  ],
  ...["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"],
];

const name = fc.oneof(
  fc.constantFrom(...HOP_BY_HOP, ...OURS, "authorization", "x-api-key", "x-private", "traceparent"),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,11}$/),
);
const value = fc.stringMatching(/^[!-~]{1,12}$/);
const headers = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((pairs) =>
  new Headers(pairs)
);

Deno.test("upstreamHeaders() lets no hop-by-hop header pass, and everything else unchanged", () => {
  fc.assert(
    fc.property(headers, fc.array(name, { maxLength: 3 }), (inbound, named) => {
      if (named.length > 0) inbound.set("connection", `close, ${named.join(" ,")}`);
      const before = [...inbound];
      const list = upstreamHeaders(inbound, OPTIONS);
      const sent = new Headers(list);
      expect(new Set(list.map(([name]) => name)).size).toBe(list.length);
      expect([...inbound]).toEqual(before);
      const stopped = new Set([...HOP_BY_HOP, ...OURS, ...connectionNames(inbound)]);
      for (const [name, value] of inbound) {
        if (stopped.has(name)) {
          if (!OURS.includes(name)) expect([name, sent.get(name)]).toEqual([name, null]);
        } else expect([name, sent.get(name)]).toEqual([name, value]);
      }
      for (const [name] of sent) {
        expect(inbound.has(name) || OURS.includes(name)).toBe(true);
      }
    }),
    { numRuns: 800 },
  );
});

Deno.test("responseHeaders() lets no hop-by-hop header pass, and everything else unchanged", () => {
  fc.assert(
    fc.property(headers, fc.array(name, { maxLength: 3 }), (upstream, named) => {
      if (named.length > 0) upstream.set("connection", named.join(","));
      const before = [...upstream];
      const sent = responseHeaders(upstream);
      expect([...upstream]).toEqual(before);
      const stopped = new Set([...HOP_BY_HOP, ...connectionNames(upstream)]);
      expect([...sent]).toEqual(before.filter(([name]) => !stopped.has(name)));
    }),
    { numRuns: 800 },
  );
});

function connectionNames(headers: Headers): string[] {
  return (headers.get("connection") ?? "").split(",").map((name) => name.trim().toLowerCase());
}

Deno.test("responseHeaders() keeps every cookie", () => {
  const upstream = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  expect(new Headers(responseHeaders(upstream)).getSetCookie()).toEqual(["a=1", "b=2"]);
});

Deno.test("upstreamHeaders() tells of the trace that it is given, and of the client's if there is none", () => {
  const inbound = new Headers({ traceparent: "theirs", tracestate: "a=1" });
  const sent = (trace?: [string, string][]) => {
    const list = new Headers(upstreamHeaders(inbound, { ...OPTIONS, trace }));
    return [list.get("traceparent"), list.get("tracestate")];
  };
  expect(sent()).toEqual(["theirs", "a=1"]);
  expect(sent([["traceparent", "ours"], ["tracestate", "a=1"]])).toEqual(["ours", "a=1"]);
  expect(sent([["traceparent", "ours"]])).toEqual(["ours", null]);
  expect(sent([])).toEqual([null, null]);
});

Deno.test("upstreamHeaders() asks for an answer that is not compressed, and names the request", () => {
  const inbound = new Headers({ "accept-encoding": "br", "x-request-id": "x" });
  const sent = new Headers(upstreamHeaders(inbound, OPTIONS));
  expect([sent.get("accept-encoding"), sent.get("x-request-id")]).toEqual(["identity", "id-1"]);
});

const KEYS: [
  string,
  Partial<typeof OPTIONS> & { upstreamKey?: string },
  string | null,
  string | null,
][] = [
  ["the client's keys pass where the gateway has none", {}, "Bearer c", "k"],
  ["the gateway's own keys go nowhere", { keepsKeys: true }, null, null],
  ["an upstream key replaces the client's", { upstreamKey: "u" } as never, "Bearer u", null],
];
for (const [what, over, authorization, apiKey] of KEYS) {
  Deno.test(`upstreamHeaders(): ${what}`, () => {
    const inbound = new Headers({ authorization: "Bearer c", "x-api-key": "k" });
    const sent = new Headers(upstreamHeaders(inbound, { ...OPTIONS, ...over }));
    expect([sent.get("authorization"), sent.get("x-api-key")]).toEqual([authorization, apiKey]);
  });
}

Deno.test("upstreamHeaders() believes a trusted proxy, and tells anew what anybody else claims", () => {
  const inbound = new Headers({
    host: "models.example.com",
    forwarded: "for=1.1.1.1",
    "x-forwarded-for": "1.1.1.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "evil.example.com",
    "x-forwarded-prefix": "/admin",
  });
  const told = (isTrustedPeer: boolean) => {
    const sent = new Headers(upstreamHeaders(inbound, { ...OPTIONS, isTrustedPeer }));
    const names = ["forwarded", "for", "proto", "host", "prefix"];
    return names.map((name, i) => sent.get(i === 0 ? name : `x-forwarded-${name}`));
  };
  const claims = [
    "for=1.1.1.1, for=10.1.2.3",
    "1.1.1.1, 10.1.2.3",
    "https",
    "evil.example.com",
    "/admin",
  ];
  expect(told(true)).toEqual(claims);
  expect(told(false)).toEqual([null, "10.1.2.3", "http", "models.example.com", null]);
});

Deno.test("upstreamHeaders() writes an IPv6 peer as each header wants it", () => {
  const inbound = new Headers({ forwarded: "for=1.1.1.1" });
  const options = { ...OPTIONS, remoteAddr: "fd00::1", isTrustedPeer: true };
  const sent = new Headers(upstreamHeaders(inbound, options));
  expect(sent.get("x-forwarded-for")).toBe("fd00::1");
  expect(sent.get("forwarded")).toBe('for=1.1.1.1, for="[fd00::1]"');
});

Deno.test("requestIdOf() keeps an id that is fit for a log, and makes one otherwise", () => {
  const random = new SeededRandom(1);
  const id = (value: string) => requestIdOf(new Headers({ "x-request-id": value }), random);
  expect(id("a.B_c-9")).toBe("a.B_c-9");
  expect(id("x".repeat(128))).toHaveLength(128);
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  for (const bad of ["", "a b", "x".repeat(129), "a/b", "<script>"]) expect(id(bad)).toMatch(uuid);
  expect(requestIdOf(new Headers(), random)).toMatch(uuid);
});
