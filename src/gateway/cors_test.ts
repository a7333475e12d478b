import { expect } from "expect";
import type { HttpHeaders } from "../platform/http_headers.ts";
import { requestContext } from "../testing/requests.ts";
import { corsLayer } from "./cors.ts";
import { foldLayers } from "./layers.ts";

const ORIGIN = "https://app.example.com";

async function ask(
  cors: boolean | string[],
  init: RequestInit,
  upstream: HeadersInit = {},
): Promise<{ status: number; reached: boolean; headers: HttpHeaders }> {
  let reached = false;
  const layer = corsLayer(() => cors);
  const answer = foldLayers([layer], () => {
    reached = true;
    return new Response("hi", { headers: upstream });
  }, (error) => {
    throw error;
  });
  const response = await answer(
    new Request("http://gateway.test/v1/chat/completions", init),
    requestContext(),
  );
  return { status: response.status, reached, headers: response.headers };
}

const preflight = {
  method: "OPTIONS",
  headers: {
    origin: ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization, x-stainless-os",
  },
};

Deno.test("a preflight is answered with what it asks for and goes no further", async () => {
  const { status, reached, headers } = await ask(true, preflight);
  expect([status, reached]).toEqual([204, false]);
  expect(headers.get("access-control-allow-origin")).toBe("*");
  expect(headers.get("access-control-allow-headers")).toBe("authorization, x-stainless-os");
  expect(headers.get("access-control-allow-methods")).toContain("POST");
});

Deno.test("OPTIONS that is no preflight is 204 with Allow", async () => {
  const { status, reached, headers } = await ask(false, { method: "OPTIONS" });
  expect([status, reached, headers.get("allow")]).toEqual([204, false, "GET, HEAD, POST, OPTIONS"]);
});

Deno.test("an answer may be read by every page, whatever the upstream says of pages", async () => {
  const { reached, headers } = await ask(true, { headers: { origin: ORIGIN } }, {
    "access-control-allow-origin": "https://upstream.internal",
  });
  expect([reached, headers.get("access-control-allow-origin")]).toEqual([true, "*"]);
  expect(headers.get("access-control-expose-headers")).toContain("x-cold-start-ms");
});

Deno.test("a list lets its own pages read, and caches keep pages apart", async () => {
  const known = await ask([ORIGIN], preflight);
  expect(known.headers.get("access-control-allow-origin")).toBe(ORIGIN);
  const stranger = { ...preflight, headers: { ...preflight.headers, origin: "https://evil.test" } };
  const unknown = await ask([ORIGIN], stranger, { "access-control-allow-origin": "*" });
  expect(unknown.headers.get("access-control-allow-origin")).toBe(null);
  expect(unknown.headers.get("access-control-allow-headers")).toBe(null);
  expect([known.headers.get("vary"), unknown.headers.get("vary")]).toEqual(["origin", "origin"]);
});

Deno.test("nothing is added where CORS is off, or nobody asks", async () => {
  const upstream = { "access-control-allow-origin": "https://upstream.internal" };
  const off = await ask(false, { headers: { origin: ORIGIN } }, upstream);
  expect(off.headers.get("access-control-allow-origin")).toBe("https://upstream.internal");
  const unasked = await ask(true, {});
  expect(unasked.headers.has("access-control-allow-origin")).toBe(false);
});
